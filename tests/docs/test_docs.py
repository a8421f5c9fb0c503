"""The documentation names only what exists, and what it quotes from the code is up to date."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any, get_args

import click
import pytest
import yaml
from click.testing import CliRunner
from pydantic import TypeAdapter

from cli.main import cli
from gopfarm.metrics import CATALOGUE, sample_names
from gopfarm.profile import AudioSpec, Profile, RenditionSpec
from gopfarm.settings import Settings
from gopfarm.spec import JobSpec, WebhookEvent
from gopfarm.store import keys
from gopfarm.store.models import TRANSITIONS
from ladder import load_profile, preset_names
from scheduler.intake import job_id_for
from scheduler.notify import headers, payload, sign
from tests.scheduler.test_notify import FAILED, VIEW

ROOT = Path(__file__).parents[2]
README = ROOT / "README.md"
PAGES = [README, ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").glob("*.md"))]
WEBHOOKS = ROOT / "docs" / "webhooks.md"
OPENAPI = ROOT / "docs" / "openapi.json"
SCHEMA = ROOT / "docs" / "job-spec.schema.json"


def fenced(page: Path, language: str) -> list[str]:
    """Return the code blocks of a language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", page.read_text(), re.MULTILINE | re.DOTALL)


def rows(page: Path) -> dict[str, list[str]]:
    """Return the cells of all table rows that begin with code, by that code."""
    lines = re.findall(r"^\| `([^`]+)`[^|]*\|(.*)\|$", page.read_text(), re.MULTILINE)
    return {name: [cell.strip() for cell in re.split(r"(?<!\\)\|", rest)] for name, rest in lines}


def bits(rate: str) -> int:
    """Read a rate such as 2800k."""
    return int(rate[:-1]) * {"k": 1000, "M": 1_000_000}[rate[-1]]


def anchors(page: Path) -> set[str]:
    """Return the anchors that GitHub makes of a page's headings."""
    prose = re.sub(r"^```.*?^```$", "", page.read_text(), flags=re.MULTILINE | re.DOTALL)
    headings = re.findall(r"^#+ (.+)$", prose, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in headings}


def shell_words(page: Path) -> list[list[str]]:
    """Return the words of every shell command on a page, comments left out."""
    lines = [line for block in fenced(page, "sh") for line in block.splitlines()]
    return [words for line in lines if (words := line.partition("#")[0].split())]


def test_the_published_schema_is_that_of_the_code() -> None:
    printed = CliRunner().invoke(cli, ["schema"])
    assert printed.exit_code == 0
    assert SCHEMA.read_text() == printed.output, "run: gopfarm schema > docs/job-spec.schema.json"


def test_the_page_of_metrics_is_that_of_the_code() -> None:
    printed = CliRunner().invoke(cli, ["metrics", "--markdown"])
    assert printed.exit_code == 0
    page = ROOT / "docs" / "metrics.md"
    assert page.read_text() == printed.output, "run: gopfarm metrics --markdown > docs/metrics.md"
    assert {name for name in rows(page) if name.startswith("gopfarm_")} == {one.name for one in CATALOGUE}


def test_the_published_description_of_the_api_is_that_of_the_code() -> None:
    printed = CliRunner().invoke(cli, ["schema", "--api"])
    assert printed.exit_code == 0
    assert OPENAPI.read_text() == printed.output, "run: gopfarm schema --api > docs/openapi.json"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_make_target_that_is_named_exists(page: Path) -> None:
    targets = set(re.findall(r"^([a-z][a-z-]*):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    code = re.findall(r"`(make [^`]*)`", page.read_text()) + [" ".join(words) for words in shell_words(page)]
    named = {match[1] for text in code if (match := re.match(r"make ([a-z][a-z-]*)", text))}
    assert named <= targets


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_gopfarm_command_and_option_that_is_named_exists(page: Path) -> None:
    assert isinstance(cli, click.Group)
    context = click.Context(cli)
    lines = [" ".join(words) for words in shell_words(page)] + re.findall(
        r"`(gopfarm [^`]*)`", page.read_text()
    )
    for line in lines:
        match = re.match(r"(?:\.venv/bin/)?gopfarm ([a-z]+)(.*)", line)
        if match is None or match[2].lstrip().startswith("="):
            continue
        command = cli.get_command(context, match[1])
        if isinstance(command, click.Group) and (below := re.match(r" ([a-z]+)", match[2])):
            command = command.get_command(context, below[1])
        assert command is not None, line
        known = {
            option for parameter in command.params for option in (*parameter.opts, *parameter.secondary_opts)
        }
        assert set(re.findall(r"(?<!\S)--[a-z][a-z-]*", match[2])) <= known | {"--help"}, line


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_relative_link_leads_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text()):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = target.partition("#")
        linked = (page.parent / path).resolve() if path else page
        assert linked.exists(), target
        if anchor:
            assert anchor in anchors(linked), target


def test_the_readme_lists_every_setting_with_its_default() -> None:
    table = rows(README)
    listed = {name for name in table if name.startswith("GOPFARM_")}
    assert listed == {f"GOPFARM_{name.upper()}" for name in Settings.model_fields}
    for name, field in Settings.model_fields.items():
        key, default, _ = table[f"GOPFARM_{name.upper()}"]
        assert key == f"`{name}`"
        if default.startswith("`"):
            assert TypeAdapter(field.annotation).validate_strings(default.strip("`")) == field.default
        else:
            assert not field.get_default(call_default_factory=True)


def test_the_profile_page_lists_every_field_and_every_built_in_profile() -> None:
    table = rows(ROOT / "docs" / "profiles.md")
    fields = {name for model in (Profile, RenditionSpec, AudioSpec) for name in model.model_fields}
    assert set(table) == fields | set(preset_names())
    for name in preset_names():
        profile = load_profile(name)
        wanted = re.findall(r"(\S+) (\d+[kM])", table[name][0])
        ladder = [(rung.name, rung.bitrate) for rung in profile.renditions]
        assert [(rung, bits(rate)) for rung, rate in wanted] == ladder
        assert table[name][1].split()[0] == f"{profile.audio.bitrate // 1000}k"


def test_profiles_that_are_shown_are_valid() -> None:
    for page in PAGES:
        if page.name in {"kubernetes.md", "monitoring.md", "tracing.md"}:
            continue  # they show values of the chart: see tests/helm
        for block in fenced(page, "yaml"):
            Profile.model_validate(yaml.safe_load(block))


def test_the_architecture_page_lists_every_state_key_and_script() -> None:
    page = ROOT / "docs" / "architecture.md"
    table = rows(page)
    for state, origins in TRANSITIONS.items():
        if state != "failed":  # "any but the ended ones"
            assert re.findall(r"`(\w+)`", table[state][0]) == [origin.value for origin in origins]
    job = keys.job("<id>")
    constants = {value for name, value in vars(keys).items() if name.isupper() and isinstance(value, str)}
    names = constants - {keys.PREFIX} | {job, keys.pending("<id>", "<queue>"), keys.delivery("<id>")}
    names |= {keys.state("<state>"), keys.unplanned("<encoder>")}
    names |= {keys.priority("<priority>"), keys.throughput("<minute>")}
    names |= {keys.tenant_jobs("<tenant>"), keys.tenant_runs("<tenant>"), keys.destination("<digest>")}
    assert {name for name in table if name.startswith(keys.PREFIX + ":")} == names | {
        part("<id>") for part in keys.PARTS
    }
    scripts = {path.stem for path in (ROOT / "gopfarm" / "store" / "lua").glob("*.lua")}
    assert scripts <= set(table)


def test_the_submission_in_the_readme_is_a_valid_spec_and_names_the_job_rightly() -> None:
    spec_block, id_block = fenced(README, "python")[:2]
    text = re.search(r"^spec = (\{.*?^\})$", spec_block, re.MULTILINE | re.DOTALL)
    assert text is not None
    spec = JobSpec.model_validate_json(json.dumps(yaml.safe_load(text[1])))
    assert job_id_for(spec, "the-message") == "the-message"
    found: dict[str, Any] = {}
    exec(id_block, found)
    keyed = spec.model_copy(update={"idempotency_key": "upload-42"})
    assert found["job_id"] == job_id_for(keyed, "the-message")


def test_the_webhook_check_in_the_readme_accepts_our_signature_and_no_other() -> None:
    found: dict[str, Any] = {}
    exec(fenced(README, "python")[2], found)
    is_genuine, now = found["is_genuine"], int(found["time"].time())
    body = b'{"event": "job.done"}'
    assert is_genuine(body, sign(body, "secret", now), "secret")
    assert not is_genuine(body + b" ", sign(body, "secret", now), "secret")
    assert not is_genuine(body, sign(body, "other", now), "secret")
    assert not is_genuine(body, sign(body, "secret", now - 3600), "secret")
    assert not is_genuine(body, "nonsense", "secret")


def test_the_webhook_page_says_what_is_sent() -> None:
    table, (spec, body) = rows(WEBHOOKS), map(json.loads, fenced(WEBHOOKS, "json"))
    events = set(get_args(WebhookEvent))
    assert {name for name in table if name.startswith("job.")} == events
    assert set(JobSpec.model_validate(spec).webhook_events) == events
    sent = json.loads(payload(FAILED, VIEW))
    assert list(body) == list(sent)
    assert list(body["job"]) == list(sent["job"])
    named = {name for name in headers(FAILED, b"", "secret", 1) if name.startswith("Gopfarm-")}
    assert {name for name in table if name.startswith("Gopfarm-")} == named
    assert {name for name in table if name.startswith("gopfarm_")} <= sample_names()


def test_the_check_on_the_webhook_page_accepts_each_of_our_signatures_and_no_other() -> None:
    found: dict[str, Any] = {}
    exec(fenced(WEBHOOKS, "python")[0], found)
    is_genuine, now = found["is_genuine"], int(found["time"].time())
    body = b'{"event": "job.done"}'
    assert is_genuine(body, sign(body, "secret", now), "secret")
    both = sign(body, "new old", now)
    assert is_genuine(body, both, "new")
    assert is_genuine(body, both, "old")
    assert not is_genuine(body + b" ", both, "new")
    assert not is_genuine(body, both, "other")
    assert not is_genuine(body, sign(body, "secret", now - 3600), "secret")
    for nonsense in ("nonsense", "", "t=,v1=", "v1=00", f"t={now}", f"t={now},v1=é"):
        assert not is_genuine(body, nonsense, "secret")
