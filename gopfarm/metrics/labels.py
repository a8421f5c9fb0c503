"""The labels of metrics, each with all its values. A job's id, a path or a user's text is never one."""

from __future__ import annotations

from importlib import resources
from typing import Final

from gopfarm.errors import ERRORS_BY_KIND
from gopfarm.metrics.catalogue import Label
from gopfarm.queues import WORKER_QUEUES

QUEUE = Label("queue", "Queue of workers.", WORKER_QUEUES)

TASK_KIND = Label("kind", "Kind of a task.", ("video", "audio", "subtitles"))

TASK_OUTCOME = Label(
    "outcome",
    "What became of a run of a task: `done`; `duplicate`, another run was first; `unwanted`, the job has "
    "ended or has another plan; `given_back` unharmed; or the kind of the error that ended it.",
    ("done", "duplicate", "unwanted", "given_back", *sorted(ERRORS_BY_KIND)),
)

ERROR_KIND = Label("reason", "Kind of the error that the job ended with.", tuple(sorted(ERRORS_BY_KIND)))

REFUSAL = Label(
    "reason", "`spec`: the job is not valid. `limit`: its tenant has too many jobs.", ("spec", "limit")
)

TENANT_CLASS = Label(
    "tenant_class",
    "Class of the tenant. Bounded by `GOPFARM_TENANTS`: a tenant named there is its own class, or of the "
    "`class` that its entry names; all others are of the class of `*`, or `other`.",
)

LIVE_STATE = Label(
    "state",
    "State of a job that has not ended.",
    ("queued", "probing", "planning", "encoding", "stitching"),
)

END = Label("state", "How a job ended.", ("done", "failed", "cancelled"))

STEP = Label("step", "Step that a scheduler does.", ("probing", "planning", "publishing"))

LEASE_OUTCOME = Label(
    "outcome",
    "`retry`: the task waits again. `failed`: its attempts were used up. `unwanted`: nobody wanted it.",
    ("retry", "failed", "unwanted"),
)

REPAIR = Label(
    "kind",
    "`step`, `message`: what asks for a step or a task got lost. `task`, `lease`, `tenant`: a task, a lease "
    "or a tenant's entry was on no list or a wrong one. `waiting`, `publishing`, `growing`, `ended`, "
    "`state`: a job was. `backlog`: what a job has to do was counted wrong.",
    (
        "step",
        "message",
        "waiting",
        "publishing",
        "growing",
        "ended",
        "state",
        "backlog",
        "task",
        "lease",
        "tenant",
    ),
)

DELIVERY = Label(
    "outcome",
    "`delivered`, to be tried again (`retry`), or given up (`dead`).",
    ("delivered", "retry", "dead"),
)

CHILD_END = Label(
    "how",
    "`ok` or `error`: it gave a result, or an error that has an explanation. `crashed`. `killed_memory`: by "
    "its parent, or by the kernel with SIGKILL. `killed_output`: it wrote too much. `stalled`: it hung, or "
    "took too long. `abandoned`: nobody wanted its result any more.",
    ("ok", "error", "crashed", "killed_memory", "killed_output", "stalled", "abandoned"),
)

ENCODER = Label("encoder", "libavcodec's name of the video encoder.", ("libx264", "h264_nvenc"))

#: Lines of 16:9 boxes, each with its longer side.
_BOXES: Final = (
    (144, 256),
    (240, 426),
    (360, 640),
    (480, 854),
    (540, 960),
    (720, 1280),
    (1080, 1920),
    (1440, 2560),
    (2160, 3840),
)

RENDITION = Label(
    "rendition",
    "Smallest of these 16:9 boxes that a rendition's picture fits into, upright or not, whatever its name.",
    tuple(f"{lines}p" for lines, _ in _BOXES),
)


def rendition_class(width: int, height: int) -> str:
    """Return the value of ``RENDITION`` for a picture: of one that is 1920 wide and 804 high, 1080p."""
    long_side, short_side = max(width, height), min(width, height)
    fitting = (f"{lines}p" for lines, box in _BOXES if short_side <= lines and long_side <= box)
    return next(fitting, RENDITION.rest)


#: Commands that the farm sends by themselves, beside its scripts.
_COMMANDS: Final = (
    "del exists expire get hdel hget hgetall hkeys hlen hmget hset hvals llen lrange ping rpush sadd scard "
    "set smembers srem time xrange xread xrevrange zadd zcard zcount zrange zrangebyscore zrem zrevrange "
    "zrevrangebyscore zscore"
)

SCRIPTS: Final = tuple(
    sorted(
        entry.name.removesuffix(".lua")
        for entry in (resources.files("gopfarm") / "store" / "lua").iterdir()
        if entry.name.endswith(".lua")
    )
)

REDIS_COMMAND = Label(
    "command",
    "A command in lower case; a script of `gopfarm/store/lua` by its name; `dramatiq`, its broker's script; "
    "`script`, any other one; `pipeline`, several commands sent together.",
    (*_COMMANDS.split(), *SCRIPTS, "dramatiq", "script", "pipeline"),
)

REDIS_FAULT = Label(
    "kind",
    "`connection`, `timeout`: no answer. `refused`: Redis is full, read-only, loading or else not fit to "
    "work. `other`: any other answer that is an error.",
    ("connection", "timeout", "refused", "other"),
)

STORE = Label("store", "Kind of storage.", ("s3", "https", "file"))

STORAGE_OPERATION = Label(
    "operation",
    "`get`: a source's range, or a small file. `put`: a segment, playlist or report. `check`: a trial of "
    "whether the destination can be written.",
    ("get", "put", "list", "delete", "check"),
)

STORAGE_FAULT = Label(
    "reason",
    "`unreachable`, `timeout`: no answer. `throttled`: 429, 503, or S3's words for that. `server`: another "
    "5xx. `credentials`, `denied`: not accepted, or not enough. `missing`: no such bucket or folder. `full`: "
    "no room. `broken`: the answer did not come whole.",
    (
        "unreachable",
        "timeout",
        "throttled",
        "server",
        "credentials",
        "denied",
        "missing",
        "full",
        "broken",
    ),
)

VERSION = Label("version", "Version of gopfarm; one a process.")

METHOD = Label("method", "HTTP method.", ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"))

ROUTE = Label("route", "Template of the route, such as `/api/v1/jobs/{job_id}`. Bounded by the API's routes.")

HTTP_STATUS = Label("status", "Status code of the answer. Bounded by those that the API gives.")
