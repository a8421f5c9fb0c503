"""What refers to something refers to what is there: labels, ports, secrets, commands, settings, metrics."""

from __future__ import annotations

import json
import re
from typing import Any

import click
import helm_python
import pytest
import yaml
from fastapi.routing import iter_route_contexts

from api.routes import health
from cli.main import cli
from gopfarm.profile import Profile
from gopfarm.settings import Settings
from gopfarm.store import keys
from scheduler.dispatch import QUEUES
from tests.helm.chart import (
    CHART,
    MATRIX,
    NAMESPACE,
    ROOT,
    Object,
    container,
    named,
    of_kind,
    pods,
    render,
)
from tests.prometheus.rules import ALERTS, RULES

matrix = pytest.mark.parametrize("name", MATRIX)


def chosen(selector: dict[str, str], objects: list[Object]) -> set[str]:
    """Return the names of what makes pods that a selector chooses."""
    return {
        name for name, template in pods(objects) if selector.items() <= template["metadata"]["labels"].items()
    }


@matrix
def test_a_workload_chooses_its_own_pods_and_no_others(name: str) -> None:
    objects = render(MATRIX[name])
    for item in of_kind(objects, "Deployment", "StatefulSet"):
        assert chosen(item["spec"]["selector"]["matchLabels"], objects) == {item["metadata"]["name"]}


@matrix
def test_a_disruption_budget_is_for_the_workload_of_its_name(name: str) -> None:
    objects = render(MATRIX[name])
    for item in of_kind(objects, "PodDisruptionBudget"):
        assert chosen(item["spec"]["selector"]["matchLabels"], objects) == {item["metadata"]["name"]}


def test_every_deployment_has_a_disruption_budget_by_default() -> None:
    objects = render(MATRIX["hpa-api"])
    budgets = {item["metadata"]["name"] for item in of_kind(objects, "PodDisruptionBudget")}
    assert budgets == {item["metadata"]["name"] for item in of_kind(objects, "Deployment")}


@matrix
def test_services_and_monitors_lead_to_ports_that_exist(name: str) -> None:
    objects = render(MATRIX[name])
    for item in of_kind(objects, "Service"):
        found = chosen(item["spec"]["selector"], objects)
        assert found
        for pod, template in pods(objects):
            if pod in found:
                ports = {port["name"] for port in template["spec"]["containers"][0]["ports"]}
                assert {port["targetPort"] for port in item["spec"]["ports"]} <= ports
    for item in of_kind(objects, "ServiceMonitor"):
        labels = item["spec"]["selector"]["matchLabels"]
        services = [
            x for x in of_kind(objects, "Service") if labels.items() <= x["metadata"]["labels"].items()
        ]
        assert [x["metadata"]["name"] for x in services] == ["demo-gopfarm-metrics"]
        assert {x["port"] for x in item["spec"]["endpoints"]} == {"metrics"}
        assert item["spec"]["namespaceSelector"]["matchNames"] == [NAMESPACE]


def test_schedulers_and_all_workers_are_scraped() -> None:
    objects = render(MATRIX["aws"])
    found = chosen(named(objects, "Service", "-metrics")["spec"]["selector"], objects)
    roles = {"scheduler", "worker-cpu", "worker-spot", "worker-gpu"}
    assert found == {f"demo-gopfarm-{role}" for role in roles}


@matrix
def test_probes_ask_ports_that_the_container_has(name: str) -> None:
    for _, template in pods(render(MATRIX[name])):
        for box in template["spec"]["containers"]:
            ports = {port["name"] for port in box.get("ports", [])}
            for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
                handler = box.get(probe, {})
                asked = handler.get("httpGet") or handler.get("tcpSocket")
                assert asked is None or asked["port"] in ports


@matrix
def test_volumes_configuration_and_accounts_that_pods_name_exist(name: str) -> None:
    values, objects = MATRIX[name], render(MATRIX[name])
    maps = {item["metadata"]["name"] for item in of_kind(objects, "ConfigMap")}
    accounts = {item["metadata"]["name"] for item in of_kind(objects, "ServiceAccount")}
    ours = {item["metadata"]["name"]: set(item["data"]) for item in of_kind(objects, "Secret")}
    maps |= {volume["configMap"]["name"] for volume in values.get("extraVolumes", [])}
    given = set(re.findall(r"existingSecret': '([^']+)'", str(values)))
    for _, template in pods(objects):
        spec = template["spec"]
        assert spec.get("serviceAccountName", "default") in accounts | {"default"}
        volumes = {volume["name"]: volume for volume in spec["volumes"]}
        claims = {
            claim["metadata"]["name"]
            for item in of_kind(objects, "StatefulSet")
            for claim in item["spec"].get("volumeClaimTemplates", [])
        }
        assert {v["configMap"]["name"] for v in volumes.values() if "configMap" in v} <= maps
        for box in spec["containers"]:
            assert {mount["name"] for mount in box["volumeMounts"]} <= volumes.keys() | claims
            assert {x["configMapRef"]["name"] for x in box.get("envFrom", [])} <= maps
            for variable in box["env"]:
                if "valueFrom" in variable:
                    ref = variable["valueFrom"]["secretKeyRef"]
                    assert ref["name"] in given or ref["key"] in ours[ref["name"]]


def test_a_scaler_names_its_deployment_and_its_secret() -> None:
    for name in MATRIX:
        objects = render(MATRIX[name])
        deployments = {item["metadata"]["name"] for item in of_kind(objects, "Deployment")}
        scalers = of_kind(objects, "ScaledObject", "HorizontalPodAutoscaler")
        targets = [item["spec"]["scaleTargetRef"]["name"] for item in scalers]
        assert set(targets) <= deployments
        assert len(targets) == len(set(targets))
        logins = {item["metadata"]["name"] for item in of_kind(objects, "TriggerAuthentication")}
        for item in of_kind(objects, "ScaledObject"):
            for trigger in item["spec"]["triggers"]:
                assert trigger.get("authenticationRef", {"name": None})["name"] in logins | {None}


def parsed(arguments: list[str]) -> dict[str, Any]:
    """Return a command's parameters as the command line of gopfarm reads them."""
    assert isinstance(cli, click.Group)
    command = cli.get_command(click.Context(cli), arguments[0])
    assert command is not None, arguments
    return command.make_context(arguments[0], list(arguments[1:])).params


@matrix
def test_the_command_line_takes_the_arguments_of_every_container(name: str) -> None:
    seen = set()
    for _, template in pods(render(MATRIX[name])):
        for box in template["spec"]["containers"]:
            if "command" not in box:
                parsed(box["args"])
                seen.add(box["args"][0])
    assert seen >= {"scheduler", "worker", "list"}


def test_the_api_listens_to_others_asks_for_tokens_and_is_probed() -> None:
    objects = render(MATRIX["hpa-api"])
    box = container(objects, "-api")
    arguments = parsed(box["args"])
    assert (arguments["host"], arguments["port"], arguments["metrics_port"]) == ("::", 8080, 9100)
    probes = {name: box[f"{name}Probe"]["httpGet"] for name in ("startup", "readiness", "liveness")}
    assert {probe["port"] for probe in probes.values()} == {"http"}
    asked = {probe["path"] for probe in probes.values()}
    assert asked <= {context.path for context in iter_route_contexts(health.router.routes)}
    assert "demo-gopfarm-api" in chosen(named(objects, "Service", "-metrics")["spec"]["selector"], objects)
    assert {"name": "profiles", "mountPath": "/etc/gopfarm/profiles", "readOnly": True} in box["volumeMounts"]


def test_the_api_gets_its_tokens_from_the_settings_or_from_a_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    given = MATRIX["hpa-api"]["settings"]
    told = environment(render(MATRIX["hpa-api"]), "-api")
    monkeypatch.setenv("GOPFARM_API_TOKENS", told["GOPFARM_API_TOKENS"])
    monkeypatch.setenv("GOPFARM_API_ORIGINS", told["GOPFARM_API_ORIGINS"])
    settings = Settings()
    assert settings.api_tokens["backend"].sha256 == given["api_tokens"]["backend"]["sha256"]
    assert settings.api_tokens["backend"].tenants == {"school"}
    assert list(settings.api_origins) == given["api_origins"]
    secret = render({"api": {"enabled": True, "tokensSecret": {"existingSecret": "gopfarm-tokens"}}})
    holders = {
        pod: variable["valueFrom"]["secretKeyRef"]
        for pod, template in pods(secret)
        for variable in template["spec"]["containers"][0].get("env", [])
        if variable["name"] == "GOPFARM_API_TOKENS"
    }
    assert holders == {"demo-gopfarm-api": {"name": "gopfarm-tokens", "key": "tokens"}}
    with pytest.raises(helm_python.HelmError, match="gopfarm token"):
        render({"api": {"enabled": True}})


def test_workers_get_slots_queue_and_metrics_as_the_values_say() -> None:
    objects = render(MATRIX["aws"])
    cpu, gpu = (parsed(container(objects, f"worker-{pool}")["args"]) for pool in ("cpu", "gpu"))
    assert (cpu["queues"], cpu["slots"], cpu["metrics_port"]) == ("encode.cpu", 8, 9100)
    assert (gpu["queues"], gpu["gpu_slots"], gpu["as_json"]) == ("encode.nvenc", 2, True)


def environment(objects: list[Object], ending: str) -> dict[str, str]:
    """Return the plain variables of a container, those of its ConfigMap among them."""
    box = container(objects, ending)
    plain = {x["name"]: x["value"] for x in box["env"] if "value" in x}
    return {**named(objects, "ConfigMap", "gopfarm")["data"], **plain}


def test_every_setting_has_a_value_and_every_value_is_a_setting() -> None:
    schema = yaml.safe_load((CHART / "values.schema.json").read_text())["properties"]["settings"]
    elsewhere = {"redis_url", "webhook_secret", "profiles_dir", "scratch_dir"}
    assert schema["properties"].keys() == Settings.model_fields.keys() - elsewhere


def test_settings_arrive_as_they_were_given(monkeypatch: pytest.MonkeyPatch) -> None:
    for key, value in environment(render(MATRIX["aws"]), "worker-cpu").items():
        monkeypatch.setenv(key, value)
    settings, given = Settings(), MATRIX["aws"]["settings"]
    assert list(settings.source_hosts) == given["source_hosts"]
    assert settings.job_ttl_days == given["job_ttl_days"]
    assert settings.webhook_private_addresses is False
    assert settings.tenants["school"].max_running == 40
    assert settings.tenants["*"].max_queued == 100
    assert settings.sandbox == "strict"


def test_large_numbers_stay_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    values = {"settings": {"child_memory_mb": 1_000_000, "stall_seconds": 2_000_000}}
    for key, value in environment(render(values), "worker-cpu").items():
        monkeypatch.setenv(key, value)
    assert (Settings().child_memory_mb, Settings().stall_seconds) == (1_000_000, 2_000_000)


def test_scratch_and_profiles_lie_where_the_settings_say() -> None:
    objects = render(MATRIX["aws"])
    for ending in ("scheduler", "worker-cpu"):
        mounts = {mount["mountPath"] for mount in container(objects, ending)["volumeMounts"]}
        assert {environment(objects, ending)[name] for name in ("GOPFARM_SCRATCH_DIR", "TMPDIR")} <= mounts
    mounts = {mount["mountPath"] for mount in container(objects, "scheduler")["volumeMounts"]}
    assert environment(objects, "scheduler")["GOPFARM_PROFILES_DIR"] in mounts
    (text,) = named(objects, "ConfigMap", "-profiles")["data"].values()
    assert Profile.model_validate(yaml.safe_load(text)).renditions[0].height == 720


def test_volumes_of_the_operator_are_in_every_pod_of_the_farm() -> None:
    for name, template in pods(render(MATRIX["external-url"])):
        assert "minio-ca" in [volume["name"] for volume in template["spec"]["volumes"]], name
        for box in template["spec"]["containers"]:
            assert "/etc/minio" in [mount["mountPath"] for mount in box["volumeMounts"]]


def test_the_address_of_the_bundled_valkey_is_made_of_its_service_and_secret() -> None:
    objects = render()
    assert environment(objects, "scheduler")["GOPFARM_REDIS_URL"] == (
        "redis://:$(REDIS_PASSWORD)@demo-gopfarm-redis:6379/0"
    )
    names = [variable["name"] for variable in container(objects, "scheduler")["env"]]
    assert names.index("REDIS_PASSWORD") < names.index("GOPFARM_REDIS_URL")  # else it is not expanded
    assert named(objects, "Service", "-redis")["spec"]["ports"][0]["port"] == 6379


def test_scaling_looks_at_queues_and_keys_that_the_farm_has() -> None:
    schema = yaml.safe_load((CHART / "values.schema.json").read_text())
    assert set(schema["$defs"]["pool"]["properties"]["queue"]["enum"]) == set(QUEUES)
    known = {keys.queue(queue) for queue in QUEUES} | {keys.ACTIVE}
    for name in MATRIX:
        for item in of_kind(render(MATRIX[name]), "ScaledObject"):
            redis = [trigger for trigger in item["spec"]["triggers"] if trigger["type"] == "redis"]
            assert {trigger["metadata"]["listName"] for trigger in redis} <= known


@pytest.mark.parametrize("metrics", [MATRIX["aws"]["metrics"], {"prometheusRule": {"enabled": True}}])
def test_the_rules_reach_the_operator_but_for_those_that_are_disabled(metrics: Object) -> None:
    (item,) = of_kind(render({"metrics": metrics}), "PrometheusRule")
    files = [yaml.safe_load(path.read_text()) for path in RULES]
    disabled = metrics["prometheusRule"].get("disabled", [])
    wanted = [
        {**group, "rules": [rule for rule in group["rules"] if rule.get("alert") not in disabled]}
        for file in files
        for group in file["groups"]
    ]
    where = metrics.get("runbooks", "docs/runbooks.md")
    told = json.dumps(item["spec"]["groups"]).replace(where, "docs/runbooks.md")
    for matcher, as_in_the_files in (("{%s, ", "{"), ("{%s}", "")):
        told = told.replace(matcher % r"namespace=\"video\"", as_in_the_files)
    assert json.loads(told) == wanted


def test_every_selector_of_the_rules_names_the_farm() -> None:
    (item,) = of_kind(render({"metrics": {"prometheusRule": {"enabled": True}}}), "PrometheusRule")
    for rule in (rule for group in item["spec"]["groups"] for rule in group["rules"]):
        found = re.findall(r"\b(?:gopfarm_\w+|namespace\w*:[\w:]+|up)\b(\{[^}]*\})?", rule["expr"])
        assert found
        assert all('namespace="video"' in matchers for matchers in found), rule["expr"]


def test_only_alerts_that_exist_are_disabled_in_the_examples() -> None:
    named = {
        name
        for values in MATRIX.values()
        for name in values.get("metrics", {}).get("prometheusRule", {}).get("disabled", [])
    }
    assert named
    assert named <= ALERTS.keys()


def test_alerts_and_dashboards_link_to_the_runbooks_of_the_values() -> None:
    objects = render(MATRIX["aws"])
    where = MATRIX["aws"]["metrics"]["runbooks"]
    (rules,) = of_kind(objects, "PrometheusRule")
    links = [
        rule["annotations"]["runbook_url"]
        for group in rules["spec"]["groups"]
        for rule in group["rules"]
        if "alert" in rule
    ]
    assert links
    assert all(link.startswith(f"{where}#gopfarm") for link in links)
    health = named(objects, "ConfigMap", "-health-dashboard")["data"]["gopfarm-health.json"]
    assert f"Runbook: {where}#gopfarmnoleader" in health
    assert " docs/runbooks.md" not in health


def test_grafana_s_sidecar_finds_the_dashboards() -> None:
    maps = [
        item
        for item in of_kind(render(MATRIX["aws"]), "ConfigMap")
        if item["metadata"]["name"].endswith("-dashboard")
    ]
    assert {item["metadata"]["name"] for item in maps} == {
        f"demo-gopfarm-video-{name}-dashboard" for name in ("cost", "farm", "health")
    }  # the release's namespace, since the folder is everybody's
    for item in maps:
        assert item["metadata"]["labels"]["grafana_dashboard"] == "1"
        assert item["metadata"]["annotations"] == {"grafana_folder": "gopfarm"}
        assert item["metadata"]["namespace"] == "monitoring"
        ((name, text),) = item["data"].items()
        stored = (CHART / "dashboards" / name).read_text()
        where = MATRIX["aws"]["metrics"]["runbooks"]
        assert json.loads(text.replace(where, "docs/runbooks.md")) == json.loads(stored)
    assert not [x for x in of_kind(render(), "ConfigMap") if x["metadata"]["name"].endswith("-dashboard")]


def test_the_monitor_gives_targets_the_labels_that_rules_and_dashboards_ask_for() -> None:
    (item,) = of_kind(render(MATRIX["aws"]), "ServiceMonitor")
    (endpoint,) = item["spec"]["endpoints"]
    assert {"targetLabel": "job", "replacement": "gopfarm"} in endpoint["relabelings"]
    assert "pool" in {rule["targetLabel"] for rule in endpoint["relabelings"]}


@pytest.mark.parametrize("page", ["kubernetes.md", "operations.md", "runbooks.md"])
def test_commands_of_the_pages_name_objects_that_a_release_has(page: str) -> None:
    """A release ``farm`` has them; the pod of a StatefulSet has its number."""
    api = {"enabled": True, "tokensSecret": {"existingSecret": "gopfarm-tokens"}}
    made = {item["metadata"]["name"].removeprefix("demo-") for item in render({"api": api})}
    shown = set(re.findall(r"\bfarm-(gopfarm[a-z-]*[a-z])", (ROOT / "docs" / page).read_text()))
    assert shown
    assert shown <= made
