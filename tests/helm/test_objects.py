"""Whatever the values, Helm renders objects that Kubernetes, KEDA and the Prometheus operator take."""

from __future__ import annotations

import json
from pathlib import Path

import helm_python
import jsonschema
import kubernetes_validate
import pytest
import yaml

import gopfarm
from tests.helm.chart import CHART, MATRIX, RELEASE, Object, of_kind, pods, render

#: The oldest and the newest Kubernetes that the chart is held against.
KUBERNETES = ("1.29", "1.37")

CRDS = {path.stem: json.loads(path.read_text()) for path in (Path(__file__).parent / "crds").glob("*.json")}

matrix = pytest.mark.parametrize("name", MATRIX)


@matrix
def test_objects_follow_the_schemas_of_their_kinds(name: str) -> None:
    for item in render(MATRIX[name]):
        schema = CRDS.get(item["kind"].lower())
        if schema is not None:
            jsonschema.Draft202012Validator(schema).validate(item)
            continue
        for version in KUBERNETES:
            kubernetes_validate.validate(item, version, strict=True)


@pytest.mark.parametrize("version", KUBERNETES)
def test_the_schemas_of_kubernetes_refuse_unknown_fields(version: str) -> None:
    (item,) = of_kind(render(MATRIX["minimal"]), "StatefulSet")
    with pytest.raises(kubernetes_validate.ValidationError, match="nonsense"):
        kubernetes_validate.validate({**item, "spec": {**item["spec"], "nonsense": 1}}, version, strict=True)


def test_the_matrix_makes_every_kind_of_custom_resource() -> None:
    made = {item["kind"].lower() for values in MATRIX.values() for item in render(values)}
    assert CRDS.keys() <= made


@pytest.mark.parametrize("kind", CRDS)
def test_the_schemas_of_custom_resources_refuse_unknown_fields(kind: str) -> None:
    item = next(item for values in MATRIX.values() for item in render(values) if item["kind"].lower() == kind)
    with pytest.raises(jsonschema.ValidationError, match="nonsense"):
        jsonschema.Draft202012Validator(CRDS[kind]).validate(
            {**item, "spec": {**item["spec"], "nonsense": 1}}
        )


@matrix
def test_helm_lint_finds_nothing(name: str) -> None:
    report = helm_python.lint(CHART, MATRIX[name], strict=True, kube_version=f"v{KUBERNETES[0]}.0")
    assert report["errors"] == []
    assert [message for message in report["messages"] if message["severity"] > 1] == []


@matrix
def test_names_are_unique_and_short_enough_for_the_names_of_pods(name: str) -> None:
    names = [(item["kind"], item["metadata"]["name"]) for item in render(MATRIX[name])]
    assert len(names) == len(set(names))
    assert all(len(text) <= 63 for _, text in names)


def test_the_chart_is_for_this_version_of_the_farm() -> None:
    with helm_python.Chart.load(CHART) as chart:
        assert chart.metadata["appVersion"] == gopfarm.__version__
    assert {
        box["image"]
        for name, template in pods(render())
        for box in template["spec"]["containers"]
        if not name.endswith("-redis")
    } == {f"gopfarm:{gopfarm.__version__}"}


def test_a_long_release_name_leaves_room_for_what_kubernetes_and_keda_put_around_it() -> None:
    values = {**MATRIX["aws"], "workers": {"pools": {"twelve-chars": {}}}}
    with helm_python.Chart.load(CHART) as chart:
        rendered = chart.render(values, name="r" * 53, namespace="video")
    texts = [text for path, text in rendered.items() if not path.endswith("NOTES.txt")]
    items = [item for text in texts for item in yaml.safe_load_all(text) if item]
    # Nothing is put around the name of a ConfigMap, and that of a dashboard has a namespace in it.
    names = [item["metadata"]["name"] for item in items if item["kind"] != "ConfigMap"]
    assert max(map(len, names)) <= 63 - len("keda-hpa-")


@matrix
def test_every_object_and_pod_has_the_common_labels(name: str) -> None:
    objects = render(MATRIX[name])
    wanted = MATRIX[name].get("commonLabels", {})
    own = [item for item in objects if item["kind"] != "Namespace"]
    for labels in [item["metadata"]["labels"] for item in own] + [
        template["metadata"]["labels"] for _, template in pods(objects)
    ]:
        assert labels["app.kubernetes.io/instance"] == RELEASE
        assert wanted.items() <= labels.items()


def test_replicas_are_left_to_whatever_scales_a_pool() -> None:
    """Helm would set them back on every upgrade."""

    def replicas(values: Object) -> dict[str, int | None]:
        return {
            item["metadata"]["name"].removeprefix("demo-gopfarm-"): item["spec"].get("replicas")
            for item in of_kind(render(values), "Deployment")
        }

    assert replicas(MATRIX["default"]) == {"scheduler": 2, "worker-cpu": None}
    assert replicas(MATRIX["hpa-api"])["worker-fixed"] == 3
    assert replicas(MATRIX["minimal"]) == {"scheduler": 1, "worker-cpu": 1}
