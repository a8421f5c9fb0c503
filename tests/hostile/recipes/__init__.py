"""The tables of the hostile set, and all of them by name."""

from tests.hostile.recipes import codecs, containers, damage, hdr, pictures, rates, sound, text
from tests.hostile.sources import Recipe, by_name

RECIPES: dict[str, Recipe] = by_name(
    [
        containers.TABLE,
        codecs.TABLE,
        rates.TABLE,
        pictures.TABLE,
        hdr.TABLE,
        sound.TABLE,
        text.TABLE,
        damage.TABLE,
    ]
)
