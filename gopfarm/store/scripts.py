"""The store's Lua scripts, each with the shared functions of ``lua/lib`` before it."""

from __future__ import annotations

from importlib import resources
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import redis
    from redis.commands.core import Script


def load_scripts(client: redis.Redis) -> dict[str, Script]:
    """Return every script by its file's name; one is sent to Redis when it is first used."""
    folder = resources.files("gopfarm.store") / "lua"
    prelude = "\n".join(
        entry.read_text("utf-8")
        for entry in sorted((folder / "lib").iterdir(), key=lambda entry: entry.name)
        if entry.name.endswith(".lua")
    )
    return {
        entry.name.removesuffix(".lua"): client.register_script(f"{prelude}\n{entry.read_text('utf-8')}")
        for entry in folder.iterdir()
        if entry.name.endswith(".lua")
    }
