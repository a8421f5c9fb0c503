"""What a pod may do and whom it may reach, and where secrets are."""

from __future__ import annotations

import ipaddress
import re
from typing import Any

import pytest
import yaml

from gopfarm.settings import Settings
from tests.helm.chart import CHART, MATRIX, Object, container, defaults, named, notes, of_kind, pods, render

matrix = pytest.mark.parametrize("name", MATRIX)

#: Kinds of volumes that the pod security standard "restricted" allows.
_VOLUMES = {
    "configMap",
    "csi",
    "downwardAPI",
    "emptyDir",
    "ephemeral",
    "persistentVolumeClaim",
    "projected",
    "secret",
}


@matrix
def test_pods_keep_to_the_restricted_standard(name: str) -> None:
    """https://kubernetes.io/docs/concepts/security/pod-security-standards."""
    for _, template in pods(render(MATRIX[name])):
        spec = template["spec"]
        assert not spec.keys() & {"hostNetwork", "hostPID", "hostIPC", "initContainers"}
        assert spec["securityContext"]["runAsNonRoot"] is True
        assert spec["securityContext"]["runAsUser"] > 0
        assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert all(volume.keys() & _VOLUMES for volume in spec["volumes"])
        for box in spec["containers"]:
            context = box["securityContext"]
            assert context["allowPrivilegeEscalation"] is False
            assert context["capabilities"] == {"drop": ["ALL"]}
            assert not context.keys() & {"privileged", "procMount", "seccompProfile", "runAsUser"}
            assert not any("hostPort" in port for port in box.get("ports", []))


def test_users_and_groups_can_be_left_to_the_cluster() -> None:
    """OpenShift refuses pods that name users outside of what it has given to their namespace."""
    nobody = {"user": None, "group": None}
    for _, template in pods(render({"podSecurity": nobody, "redis": {"bundled": nobody}})):
        context = template["spec"]["securityContext"]
        assert context["runAsNonRoot"] is True
        assert not context.keys() & {"runAsUser", "runAsGroup", "fsGroup"}


@matrix
def test_root_file_systems_are_read_only_but_where_a_pool_says_otherwise(name: str) -> None:
    writable = {
        pod
        for pod, template in pods(render(MATRIX[name]))
        for box in template["spec"]["containers"]
        if not box["securityContext"]["readOnlyRootFilesystem"]
    }
    assert writable == ({"demo-gopfarm-worker-gpu"} if name == "hpa-api" else set())


@matrix
def test_pods_get_no_token_and_no_variables_of_services(name: str) -> None:
    for _, template in pods(render(MATRIX[name])):
        assert template["spec"]["automountServiceAccountToken"] is False
        assert template["spec"]["enableServiceLinks"] is False


@matrix
def test_every_container_says_what_it_needs_and_memory_has_an_end(name: str) -> None:
    for _, template in pods(render(MATRIX[name])):
        for box in template["spec"]["containers"]:
            assert {"cpu", "memory"} <= box["resources"]["requests"].keys()
            assert "memory" in box["resources"]["limits"]


@matrix
def test_temporary_folders_have_an_end(name: str) -> None:
    for _, template in pods(render(MATRIX[name])):
        for volume in template["spec"]["volumes"]:
            assert "emptyDir" not in volume or volume["emptyDir"]["sizeLimit"]


def test_no_secret_is_in_a_config_map_or_in_a_pod() -> None:
    secret = "hush-hush-7"
    objects = render(
        {
            "redis": {
                "bundled": {"enabled": False},
                "external": {"url": f"redis://farm:{secret}@cache:6380/1"},
            },
            "autoscaling": {"engine": "keda"},
        }
    )
    assert named(objects, "Secret", "-redis")["data"]
    assert not [item["kind"] for item in objects if item["kind"] != "Secret" and secret in str(item)]


def test_pods_restart_for_another_redis_and_tell_no_sum_of_its_password() -> None:
    def checksum(url: str) -> str:
        external = {"bundled": {"enabled": False}, "external": {"url": url}}
        template = named(render({"redis": external}), "Deployment", "scheduler")["spec"]["template"]
        return str(template["metadata"]["annotations"]["checksum/redis"])

    first = checksum("redis://farm:one@cache:6380/1")
    assert checksum("redis://farm:two@cache:6380/1") == first
    assert checksum("redis://farm:one@cache:6380/2") != first
    assert checksum("redis://farm:one@store:6380/1") != first


def test_settings_that_are_secrets_cannot_be_given_as_plain_values() -> None:
    schema = yaml.safe_load((CHART / "values.schema.json").read_text())
    hidden = {name for name, field in Settings.model_fields.items() if not field.repr}
    assert hidden == {"redis_url", "webhook_secret"}
    assert not hidden & schema["properties"]["settings"]["properties"].keys()


def test_only_schedulers_get_the_key_that_signs_webhooks() -> None:
    objects = render(MATRIX["aws"])
    holders = {
        pod
        for pod, template in pods(objects)
        for box in template["spec"]["containers"]
        if "GOPFARM_WEBHOOK_SECRET" in [variable["name"] for variable in box.get("env", [])]
    }
    assert holders == {"demo-gopfarm-scheduler"}


def test_storage_credentials_come_from_the_account_or_from_a_secret() -> None:
    (account,) = of_kind(render(MATRIX["aws"]), "ServiceAccount")
    assert account["metadata"]["annotations"] == MATRIX["aws"]["serviceAccount"]["annotations"]
    for name, expected in (("aws", set()), ("external-url", {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"})):
        variables = container(render(MATRIX[name]), "worker-cpu")["env"]
        assert {x["name"] for x in variables if "ACCESS_KEY" in x["name"]} == expected
        assert all("secretKeyRef" in x["valueFrom"] for x in variables if "ACCESS_KEY" in x["name"])


def test_each_role_may_have_rights_of_its_own() -> None:
    """And shares those that it has not, as the test pods do."""
    own = {
        role: {"serviceAccount": f"of-{role}", "s3Secret": f"keys-{role}", "redisUrlKey": f"url-{role}"}
        for role in ("scheduler", "worker", "api")
    }
    values = {
        "redis": {
            "bundled": {"enabled": False},
            "external": {"existingSecret": "farm-redis", "urlKey": "shared"},
        },
        "s3": {"existingSecret": "keys-shared"},
        "scheduler": {"access": own["scheduler"]},
        "workers": {"pools": {"cpu": {"access": own["worker"]}, "other": {}}},
        "api": {"enabled": True, "tokensSecret": {"existingSecret": "x"}, "access": own["api"]},
        "autoscaling": {"engine": "none"},
    }
    rights = {}
    for name, template in pods(render(values)):
        for box in template["spec"]["containers"]:
            refs = {x["name"]: x["valueFrom"]["secretKeyRef"] for x in box["env"] if "valueFrom" in x}
            assert refs["AWS_ACCESS_KEY_ID"]["name"] == refs["AWS_SECRET_ACCESS_KEY"]["name"]
            assert refs["GOPFARM_REDIS_URL"]["name"] == "farm-redis"
            rights[name.removeprefix("demo-gopfarm-")] = {
                "serviceAccount": template["spec"]["serviceAccountName"],
                "s3Secret": refs["AWS_ACCESS_KEY_ID"]["name"],
                "redisUrlKey": refs["GOPFARM_REDIS_URL"]["key"],
            }
    shared = {"serviceAccount": "demo-gopfarm", "s3Secret": "keys-shared", "redisUrlKey": "shared"}
    assert rights == {
        "scheduler": own["scheduler"],
        "worker-cpu": own["worker"],
        "api": own["api"],
        **dict.fromkeys(("worker-other", "test-leader", "test-redis"), shared),
    }


def test_every_pod_is_under_a_network_policy_for_both_directions() -> None:
    for name, values in MATRIX.items():
        objects = render(values)
        policies = [item["spec"] for item in of_kind(objects, "NetworkPolicy")]
        if name == "minimal":
            assert not policies
            continue
        for _, template in pods(objects):
            labels = template["metadata"]["labels"]
            over = [p for p in policies if p["podSelector"]["matchLabels"].items() <= labels.items()]
            assert [set(policy["policyTypes"]) for policy in over] == [{"Ingress", "Egress"}]


def peers(policy: Object) -> list[tuple[set[int], Any]]:
    """Return ports and peers of each egress rule."""
    return [({port["port"] for port in rule["ports"]}, rule.get("to")) for rule in policy["spec"]["egress"]]


def test_workers_reach_names_redis_and_storage_and_nothing_else() -> None:
    dns, redis, storage = peers(named(render(), "NetworkPolicy", "-worker"))
    assert dns[0] == {53}
    assert redis[0] == {6379}
    (target,) = redis[1]
    assert target["podSelector"]["matchLabels"]["app.kubernetes.io/component"] == "redis"
    assert storage == ({443}, defaults()["networkPolicy"]["storage"]["to"])


def test_only_schedulers_reach_receivers_of_webhooks() -> None:
    values = {"networkPolicy": {"webhooks": {"to": [{"ipBlock": {"cidr": "203.0.113.0/24"}}]}}}
    reach = {
        item["metadata"]["name"]: "203.0.113.0/24" in str(item)
        for item in of_kind(render(values), "NetworkPolicy")
    }
    assert [name for name, does in reach.items() if does] == ["demo-gopfarm-scheduler"]


@pytest.mark.parametrize(
    "address", ["10.1.2.3", "192.168.0.1", "172.20.0.1", "169.254.169.254", "fd00:ec2::254"]
)
def test_by_default_storage_is_no_address_inside(address: str) -> None:
    """169.254.169.254 and fd00:ec2::254 give out the node's credentials."""
    ip = ipaddress.ip_address(address)
    for peer in defaults()["networkPolicy"]["storage"]["to"]:
        block = peer["ipBlock"]
        assert ip not in ipaddress.ip_network(block["cidr"]) or any(
            ip in ipaddress.ip_network(part) for part in block["except"]
        )


@pytest.mark.parametrize(
    ("external", "port"),
    [
        ({"url": "redis://cache:6380"}, 6380),
        ({"url": "redis://cache"}, 6379),
        ({"existingSecret": "x", "address": "cache:7000"}, 7000),
        ({"existingSecret": "x"}, 6379),
    ],
)
def test_the_port_of_an_external_redis_is_open(external: Object, port: int) -> None:
    values = {"redis": {"bundled": {"enabled": False}, "external": external}}
    _, redis, _ = peers(named(render(values), "NetworkPolicy", "-worker"))
    assert {int(number) for number in redis[0]} == {port}


def test_the_valkey_lets_in_the_farm_and_who_is_named() -> None:
    rule = named(render(MATRIX["hpa-api"]), "NetworkPolicy", "-redis")["spec"]
    (ingress,) = rule["ingress"]
    components = {
        peer["podSelector"]["matchLabels"]["app.kubernetes.io/component"]
        for peer in ingress["from"]
        if "podSelector" in peer
    }
    assert components == {"scheduler", "worker", "api", "test"}
    assert ingress["from"][-1:] == defaults()["networkPolicy"]["redisFrom"]
    assert rule["egress"] == []


def test_notes_tell_who_is_cut_off_from_the_api() -> None:
    """Clients of a load balancer or of a node port are in no namespace."""

    def told(service: str, **policy: Any) -> bool:
        tokens = {"existingSecret": "gopfarm-tokens"}
        api = {"enabled": True, "tokensSecret": tokens, "service": {"type": service}}
        return "networkPolicy.apiFrom" in notes({"api": api, "networkPolicy": policy})

    assert told("LoadBalancer")
    assert told("NodePort")
    assert not told("ClusterIP")
    assert not told("LoadBalancer", apiFrom=[{"ipBlock": {"cidr": "203.0.113.0/24"}}])
    assert not told("LoadBalancer", enabled=False)


def test_the_sandbox_is_strict_unless_somebody_says_otherwise() -> None:
    assert named(render(), "ConfigMap", "gopfarm")["data"]["GOPFARM_SANDBOX"] == "strict"
    assert "sandbox" not in notes()
    assert "settings.sandbox is best" in notes({"settings": {"sandbox": "best"}})


def test_a_password_is_made_for_the_valkey_and_none_where_one_is_given() -> None:
    (secret,) = of_kind(render(), "Secret")
    assert re.fullmatch(r"[A-Za-z0-9+/]{40,}=*", secret["data"]["password"])
    assert of_kind(render(MATRIX["keda-bundled"]), "Secret") == []
