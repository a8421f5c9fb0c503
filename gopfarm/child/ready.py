"""What a process does once before it has children: clear up after dead ones, and say what holds them."""

from __future__ import annotations

from gopfarm.child.forkserver import fork_server, refuse_gaps
from gopfarm.child.sandbox import Layer
from gopfarm.child.scratch import remove_stale
from gopfarm.log import get_logger
from gopfarm.settings import Settings

log = get_logger(__name__)


def sandbox_layers() -> tuple[Layer, ...]:
    """Tell which parts of the sandbox are in force on this machine, found out by entering it."""
    return fork_server().layers()


def prepare(target: str) -> None:
    """Start the fork server and have it load what children of a target need, while we do something else.

    Raises:
        EncodeError: The fork server cannot be started.
    """
    fork_server().prepare(target)


def get_ready(settings: Settings, target: str) -> None:
    """Remove scratch folders of processes that were killed, start the fork server, log what the sandbox is.

    Args:
        settings: The process's settings.
        target: What its children will run, as for ``Child``: loaded by now, or soon.

    Raises:
        SpecError: A part of the sandbox is missing, and the settings forbid to work without it.
        EncodeError: The fork server cannot be started.
    """
    prepare(target)
    remove_stale(settings.scratch_dir)
    if settings.scratch_dir is not None:
        remove_stale()  # where probing writes
    layers = sandbox_layers()
    in_force = [layer.name for layer in layers if not layer.missing]
    missing = {layer.name: layer.missing for layer in layers if layer.missing}
    if any(layer.needed for layer in layers if layer.missing):
        log.warning("the sandbox of child processes has gaps", in_force=in_force, missing=missing)
    else:
        log.info("sandbox of child processes", in_force=in_force, missing=missing)
    if settings.sandbox == "strict":
        refuse_gaps(layers)
