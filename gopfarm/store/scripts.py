"""The Lua scripts by which the store changes: each is one atomic step."""

from __future__ import annotations

from importlib import resources
from typing import Any

import redis

from gopfarm.store.timing import name_script


class Scripts:
    """The scripts of ``gopfarm/store/lua``, by name, with those of its folder ``lib`` prepended to each."""

    def __init__(self, client: redis.Redis) -> None:
        folder = resources.files("gopfarm.store") / "lua"
        library = sorted((folder / "lib").iterdir(), key=lambda entry: entry.name)
        prelude = "".join(entry.read_text("utf-8") for entry in library if entry.name.endswith(".lua"))
        self._scripts = {
            entry.name.removesuffix(".lua"): client.register_script(prelude + entry.read_text("utf-8"))
            for entry in folder.iterdir()
            if entry.name.endswith(".lua")
        }
        for name, script in self._scripts.items():
            name_script(script.sha, name)

    def run(self, name: str, *arguments: object) -> Any:
        """Run a script. Redis Cluster is not supported: scripts find the keys that they touch themselves."""
        return self._scripts[name](args=[_argument(value) for value in arguments])


def _argument(value: object) -> str | bytes:
    if isinstance(value, (str, bytes)):
        return value
    return repr(value) if isinstance(value, float) else str(value)


def pairs(fields: dict[str, object]) -> list[object]:
    """Return fields and values in turn, without those that are None."""
    return [item for pair in fields.items() if pair[1] is not None for item in pair]
