"""The commands that roles send to Redis, read from the code: Lua scripts, direct calls, dramatiq, locks.

``python -m tests.docs.redis_commands > docs/operations/users.acl`` writes the users that may send them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from importlib import resources
from pathlib import Path

import redis.lock
from dramatiq.brokers import redis as dramatiq_redis

ROOT = Path(__file__).parents[2]
STORE = ROOT / "gopfarm" / "store"
LUA = STORE / "lua"

_IN_LUA = re.compile(r"redis\.p?call\(\s*[\"'](\w+)[\"']")
_DIRECT = re.compile(r"\b(?:_redis|pipe|client)\.(\w+)\(")

#: Methods of the client that are no commands, or several, which are named below.
_NO_COMMANDS = {"pipeline", "execute", "register_script", "lock", "from_url"}

#: What a client of ours sends besides: its greeting, scripts, transactions, signs of life, and where an
#: address names another database, its number.
CONNECTION = {"client|setinfo", "evalsha", "exec", "multi", "ping", "script|load", "select"}

#: dramatiq's own commands: of who sends messages, and of who takes them.
_SENDS, _TAKES = ["enqueue"], ["fetch", "ack", "nack", "requeue"]

#: The scripts of a worker, and what it sends by itself: it announces itself, and reads specs and tasks.
_OF_WORKERS = ["start", "renew", "finish", "give_back"], {"hdel", "hget", "hgetall", "hset", "time"}

#: What only the dispatch loop waits by.
_OF_THE_LEADER = {"blpop"}


def in_lua(text: str) -> set[str]:
    """Return the commands that a script calls."""
    return {name.lower() for name in _IN_LUA.findall(text)}


def of_scripts(names: Iterable[str] | None = None) -> set[str]:
    """Return the commands of some of the store's scripts, or of all, and of what they share."""
    paths = LUA.glob("*.lua") if names is None else (LUA / f"{name}.lua" for name in names)
    found = (in_lua(path.read_text()) for path in (*paths, *LUA.glob("lib/*.lua")))
    return set().union(*found)


def direct(folder: Path = STORE) -> set[str]:
    """Return the commands that the store's Python code sends by itself."""
    found = {name for path in folder.glob("*.py") for name in _DIRECT.findall(path.read_text())}
    locks = in_lua((folder / "locks.py").read_text())
    return (found - _NO_COMMANDS) | locks


def of_locks() -> set[str]:
    """Return the commands of the client's locks."""
    lock = redis.lock.Lock
    scripts = (lock.LUA_RELEASE_SCRIPT, lock.LUA_REACQUIRE_SCRIPT)
    return {"set", "get"}.union(*map(in_lua, scripts))


def of_dramatiq(commands: Iterable[str], maintenance: bool = False) -> set[str]:
    """Return the commands of dramatiq's script where it is asked for some of its own commands."""
    script = (resources.files(dramatiq_redis.__package__ or "") / "redis" / "dispatch.lua").read_text()
    head, *branches = re.split(r"^(?:else)?if (?=command ==|do_maintenance)", script, flags=re.MULTILINE)
    found = in_lua(head)
    for branch in branches:
        name = re.match(r"command == \"(\w+)\"", branch)
        if name[1] in commands if name else maintenance:
            found |= in_lua(branch)
    return found


#: What KEDA's Redis scaler sends: a script that asks for a key's kind, and then for its length.
_OF_KEDA = {"client|setinfo", "eval", "evalsha", "ping", "script|load", "select"}
_OF_KEDA |= {"type", "llen", "scard", "zcard", "hlen"}

#: The keys of each user.
_FARM = ("~dramatiq", "~dramatiq:*", "~gopfarm:*")
_KEYS = {"backend": _FARM[:2], "keda": ("~dramatiq:encode.*", "~gopfarm:active")}


def of_roles() -> dict[str, set[str]]:
    """Return the commands of each user of Redis."""
    scripts, own = _OF_WORKERS
    stores = of_scripts() | direct() | of_locks() | of_dramatiq(_SENDS) | CONNECTION
    return {
        "scheduler": stores | of_dramatiq(_TAKES),
        "worker": of_scripts(scripts) | own | of_dramatiq(_TAKES) | CONNECTION,
        "api": stores - _OF_THE_LEADER,
        "backend": of_dramatiq(_SENDS, maintenance=True) | CONNECTION - {"exec", "multi"},
        "keda": _OF_KEDA,
    }


def acl() -> str:
    """Return the file of users, each with a password that is to be replaced; one may do everything."""
    lines = ["user default off", "user admin on >CHANGE-THIS-admin ~* &* +@all"]
    for user, commands in of_roles().items():
        rules = ["on", f">CHANGE-THIS-{user}", *_KEYS.get(user, _FARM), "resetchannels", "-@all"]
        lines.append(" ".join(["user", user, *rules, *sorted(f"+{command}" for command in commands)]))
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    print(acl(), end="")
