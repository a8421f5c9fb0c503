"""From a queued job to tasks: probe the source in a child process, choose the encoder, plan."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import replace
from importlib.metadata import version

from encoders.child import PROBE
from gopfarm import tracing
from gopfarm.child.parent import ChildDiedError, ChildLimitError, run_in_child
from gopfarm.errors import CapabilityError, EncodeError, SourceError, SpecError
from gopfarm.facts import SourceFacts
from gopfarm.log import get_logger
from gopfarm.plan import Plan
from gopfarm.profile import EncoderChoice, Profile
from gopfarm.serial import from_json, to_json
from gopfarm.settings import Settings
from gopfarm.storage import open_source, shown
from scheduler.load import Load
from scheduler.planner import make_plan
from scheduler.shape import Shape, cuts
from scheduler.shaping import choose_shape

#: What libavcodec calls the encoders that a profile can name.
_ENCODER_NAMES: dict[EncoderChoice, str] = {"libx264": "libx264", "nvenc": "h264_nvenc"}

#: Plans are kept apart by the build of the encoders: another one writes other bytes.
BUILD = f"av {version('av')}"

#: Bytes of source that probing is given one more second for: some files must be read to their end, and a few
#: be decoded.
_BYTES_PER_SECOND = 500_000
_PROBE_SECONDS = 60.0

#: How often the probing of a source whose process dies is tried.
_PROBE_ATTEMPTS = 3

log = get_logger(__name__)


@tracing.span("probe")
def probe_url(url: str, settings: Settings, wanted: Callable[[], bool] = lambda: True) -> SourceFacts:
    """Probe a source, in a child process, for as long as ``wanted`` says so.

    Raises:
        SourceError, ServiceError, SpecError: It cannot be used, reached, or is not allowed.
        AbandonedError: ``wanted`` said no.
    """
    with open_source(url, https_hosts=settings.source_hosts) as source:
        ref, name = source.ref, shown(source.ref.url)
        limit = _PROBE_SECONDS + ref.size / _BYTES_PER_SECOND
        request = to_json(replace(ref, url=name))  # the child needs no signature that an address may carry
        for attempt in range(1, _PROBE_ATTEMPTS + 1):
            try:
                answer = run_in_child(PROBE, request, source, ref.size, limit, wanted)
                return replace(from_json(SourceFacts, answer), source=ref)
            except ChildLimitError as error:
                raise SourceError(f"{name}: it cannot be read: {error}") from None
            except TimeoutError:
                raise SourceError(f"{name}: it could not be read within {limit:.0f} s") from None
            except (ChildDiedError, EncodeError) as error:
                # Somebody may have killed it, or the fork server died: only what happens again is the file's.
                if attempt == _PROBE_ATTEMPTS:
                    raise SourceError(
                        f"{name}: reading it crashes the decoder, so the file is damaged: {error}"
                    ) from None
                log.warning("probing is tried again", source=name, reason=str(error))
    raise AssertionError("unreachable")


def choose_encoder(
    choice: EncoderChoice, fleet: Collection[str], scaled: Collection[EncoderChoice] = ()
) -> str:
    """Return libavcodec's name of the encoder for a whole job.

    Args:
        choice: What the job asks for.
        fleet: What live workers have.
        scaled: What workers have that an autoscaler starts when there is work for them.

    Raises:
        CapabilityError: NVENC was asked for, no live worker has it, and none will come.
    """
    name = wanted_encoder(choice, fleet)
    if choice == "nvenc" and name not in fleet and choice not in scaled:
        raise CapabilityError(
            "encoder nvenc: no live worker has NVENC; start a GPU worker, or use encoder auto or libx264"
        )
    return name


def wanted_encoder(choice: EncoderChoice, fleet: Collection[str]) -> str:
    """Return libavcodec's name of the encoder that a job wants, whether or not a live worker has it."""
    if choice == "auto":
        return "h264_nvenc" if "h264_nvenc" in fleet else "libx264"
    return _ENCODER_NAMES[choice]


def plan_source(
    facts: SourceFacts,
    profile: Profile,
    encoder: str,
    load: Load,
    stored: Collection[str] = (),
    progressive: bool = False,
) -> Plan:
    """Plan a probed source, in the shape that suits the farm.

    Args:
        facts: What probing found.
        profile: What the job asks for.
        encoder: libavcodec's name of the video encoder, see ``choose_encoder``.
        load: How busy the workers are.
        stored: Hashes of plans of which results lie at the destination. If one of them is a plan of the same
            source and settings, the film is cut as it was: only what is missing is then encoded.
        progressive: Whether viewers are to see the beginning as soon as possible.

    Raises:
        SpecError: The segment length cannot be kept at the source's frame rate.
    """
    if facts.video is not None and profile.segment_seconds * facts.video.grid_rate < 1:
        rate = float(facts.video.grid_rate)
        raise SpecError(
            f"segment_seconds: {profile.segment_seconds:g} s is shorter than one frame at {rate:g} frames/s"
        )

    def planned(shape: Shape) -> Plan:
        return make_plan(facts, profile, encoder, BUILD, shape)

    plan = planned(choose_shape(facts, profile, encoder, load, progressive=progressive))
    if not stored or plan.hash in stored:
        return plan
    cut = next((cut for cut in cuts(progressive) if planned(cut).hash in stored), None)
    return planned(choose_shape(facts, profile, encoder, load, cut)) if cut else plan
