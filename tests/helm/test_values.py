"""Values that cannot be meant are refused, in words that help; all others are documented."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import helm_python
import pytest
import yaml

from tests.helm.chart import CHART, MATRIX, ROOT, Object, defaults, notes, render

SCHEMA: Object = json.loads((CHART / "values.schema.json").read_text())


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"schedulers": {}}, "schedulers"),
        ({"scheduler": {"replica": 1}}, "replica"),
        ({"workers": {"pools": {"cpu": {"slot": 4}}}}, "slot"),
        ({"workers": {"pools": {"cpu": {"queue": "encode.gpu"}}}}, "queue"),
        ({"workers": {"pools": {"cpu": {"slots": 0}}}}, "slots"),
        ({"workers": {"pools": {"cpu": {"slots": "4"}}}}, "slots"),
        ({"workers": {"pools": {"Big_Pool": {}}}}, "Big_Pool"),
        ({"workers": {"pools": {"cpu": {"autoscaling": {"share": 2}}}}}, "share"),
        ({"workers": {"defaults": {"graceSeconds": -1}}}, "graceSeconds"),
        ({"workers": {"pools": {"cpu": {"scratch": {"perSlotMiB": 64}}}}}, "perSlotMiB"),
        ({"settings": {"sandbox": "off"}}, "sandbox"),
        ({"settings": {"redis_url": "redis://x"}}, "redis_url"),
        ({"settings": {"tenants": {"school": {"wait": 1}}}}, "wait"),
        ({"image": {"digest": "sha256:abc"}}, "digest"),
        ({"podSecurity": {"user": 0}}, "user"),
        ({"redis": {"external": {"url": "http://cache"}}}, "url"),
        ({"autoscaling": {"engine": "vpa"}}, "engine"),
        ({"networkPolicy": {"storage": {"ports": ["https"]}}}, "ports"),
        ({"metrics": {"port": 80}}, "port"),
        ({"api": {"terminationGraceSeconds": 15}}, "terminationGraceSeconds"),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_a_value_that_cannot_be_meant_is_refused_by_its_name(values: Object, told: str) -> None:
    with pytest.raises(helm_python.HelmError, match=told):
        render(values)


@pytest.mark.parametrize(
    ("values", "told"),
    [
        (
            {"redis": {"bundled": {"enabled": False}}},
            r"redis\.external\.existingSecret or redis\.external\.url",
        ),
        (
            {
                "redis": {"bundled": {"enabled": False}, "external": {"existingSecret": "x"}},
                "autoscaling": {"engine": "keda"},
            },
            r"redis\.external\.address or autoscaling\.prometheus\.serverAddress",
        ),
        (
            {"workers": {"pools": {"gpu": {"enabled": True, "autoscaling": {"min": 0}}}}},
            r"workers\.pools\.gpu\.autoscaling\.min must be at least 1",
        ),
        ({"workers": {"pools": {"cpu": {"autoscaling": {"min": 20}}}}}, "min is greater than max"),
        (
            {"workers": {"pools": {"gpu": {"enabled": True, "slots": 65}}}},
            r"workers\.pools\.gpu\.slots: .* 64",
        ),
        (
            {"workers": {"pools": {"own": {"queue": "encode.nvenc", "autoscaling": {"min": 1}}}}},
            r"workers\.pools\.own\.gpu\.count must be at least 1",
        ),
        (
            {"metrics": {"prometheusRule": {"enabled": True, "disabled": ["GopfarmNoLeaders"]}}},
            r"prometheusRule\.disabled: there is no alert GopfarmNoLeaders",
        ),
        (
            {"api": {"enabled": True, "port": 9100, "tokensSecret": {"existingSecret": "x"}}},
            r"api\.port and metrics\.port must differ",
        ),
        (
            {"scheduler": {"access": {"redisUrlKey": "scheduler-url"}}},
            r"scheduler-url is a key of redis\.external\.existingSecret",
        ),
        (
            {"workers": {"defaults": {"scratch": {"medium": "Memory", "storageClassName": "nvme"}}}},
            "medium or storageClassName, not both",
        ),
        (
            {"redis": {"bundled": {"enabled": False}, "external": {"url": "redis://:a%40b@cache"}}},
            r"redis\.external\.existingSecret",
        ),
    ],
)
def test_values_that_do_not_go_together_are_refused_with_what_to_do(values: Object, told: str) -> None:
    with pytest.raises(helm_python.HelmError, match=told):
        render(values)


def tables(schema: Object, path: str = "") -> Iterator[tuple[str, Object]]:
    """Yield every table of the schema that has named values."""
    if "$ref" in schema:
        schema = SCHEMA["$defs"][schema["$ref"].rpartition("/")[2]]
    if "properties" in schema:
        yield path, schema
        for name, below in schema["properties"].items():
            yield from tables(below, f"{path}.{name}")


def test_every_table_refuses_names_that_it_does_not_know() -> None:
    found = dict(tables(SCHEMA))
    assert len(found) > 40
    assert [path for path, table in found.items() if table.get("additionalProperties") is not False] == []


def leaves(values: Any, path: str = "") -> Iterator[str]:
    """Yield the paths of all values."""
    if isinstance(values, dict) and values:
        for name, below in values.items():
            yield from leaves(below, f"{path}.{name}")
    else:
        yield path


def test_values_yaml_has_every_value_that_the_schema_allows() -> None:
    free = (
        ".settings",
        ".workers.pools",
        ".global",
    )  # by the README's table; by workers.defaults; Helm's own
    given = set(leaves({name: value for name, value in defaults().items() if name != "settings"}))
    shown = {path for path in given if not path.startswith(free)}
    allowed = {
        f"{path}.{name}"
        for path, table in tables(SCHEMA)
        for name, below in table["properties"].items()
        if not dict(tables(below))
    }
    missing = {
        path
        for path in allowed
        if not path.startswith(free) and not any(one == path or one.startswith(f"{path}.") for one in shown)
    }
    # An empty table there means what is above it, or what is measured.
    assert {path.rpartition(".")[0] for path in missing} == {
        ".scheduler.resources",
        ".workers.defaults.image",
        ".workers.defaults.resources",
    }


@pytest.mark.parametrize(
    ("page", "least"), [("kubernetes.md", 3), ("monitoring.md", 2), ("tracing.md", 1), ("operations.md", 1)]
)
def test_values_that_the_documentation_shows_are_taken(page: str, least: int) -> None:
    text = (ROOT / "docs" / page).read_text()
    blocks = re.findall(r"^ *```yaml\n(.*?)^ *```$", text, re.MULTILINE | re.DOTALL)
    assert len(blocks) >= least
    for block in blocks:
        assert render(yaml.safe_load(block))


@pytest.mark.parametrize("name", MATRIX)
def test_the_notes_tell_of_each_pool_and_how_to_test(name: str) -> None:
    text = notes(MATRIX[name])
    assert "cpu: encode.cpu" in text
    assert "helm test demo -n video" in text
    assert ("WARNING" in text) == (name == "minimal")
