"""Pools: what their pods ask for, how they end, where they go, how they are scaled."""

from __future__ import annotations

import json
import re
from typing import Any

import click
import pytest

import scheduler.role
import worker.role
from cli.main import cli
from tests.helm.chart import CHART, MATRIX, Object, container, named, of_kind, render
from tests.prometheus.rules import ALERTS
from worker.room import SLOT_BYTES

#: Seconds that a worker may take after its grace: to give tasks back, and for dramatiq's threads to end.
_AFTER_GRACE = worker.role._LAST_WORD_SECONDS + worker.role._STOP_TIMEOUT_MS / 1000

_UNITS = {"Mi": 1, "Gi": 1024}


def mebibytes(quantity: str) -> int:
    """Read a quantity of memory or disk."""
    return int(quantity[:-2]) * _UNITS[quantity[-2:]]


def pool(values: Object) -> Object:
    """Return values with one CPU pool of such values."""
    return {"workers": {"pools": {"cpu": values}}}


def spec_of(objects: list[Object], ending: str) -> Object:
    """Return the spec of a Deployment's pods."""
    return dict(named(objects, "Deployment", ending)["spec"]["template"]["spec"])


def grace_of(box: Object) -> int:
    """Return the seconds that a worker is told to give its tasks."""
    (grace,) = [argument for argument in box["args"] if argument.startswith("--grace=")]
    return int(grace.partition("=")[2])


@pytest.mark.parametrize("slots", [1, 4, 16])
def test_requests_grow_with_slots(slots: int) -> None:
    resources = container(render(pool({"slots": slots})), "worker-cpu")["resources"]
    assert resources["requests"]["cpu"] == f"{900 * slots}m"
    assert mebibytes(resources["requests"]["memory"]) == 140 + 680 * slots
    assert mebibytes(resources["requests"]["ephemeral-storage"]) == 1024 * slots


@pytest.mark.parametrize("limit", [512, 4096, 8192])
def test_the_farm_ends_a_runaway_task_before_the_kernel_ends_the_pod(limit: int) -> None:
    objects = render({**pool({"slots": 4}), "settings": {"child_memory_mb": limit}})
    of_worker, of_scheduler = (
        mebibytes(container(objects, role)["resources"]["limits"]["memory"])
        for role in ("worker-cpu", "scheduler")
    )
    assert of_worker >= 140 + 3 * 680 + limit
    assert of_scheduler >= 512 + limit


def test_scratch_has_room_for_every_slot_and_counts_as_memory_where_it_is_some() -> None:
    on_disk = render(pool({"slots": 4, "scratch": {"perSlotMiB": 256}}))
    in_memory = render(pool({"slots": 4, "scratch": {"perSlotMiB": 256, "medium": "Memory"}}))
    for objects in (on_disk, in_memory):
        (scratch,) = [v for v in spec_of(objects, "worker-cpu")["volumes"] if v["name"] == "scratch"]
        assert mebibytes(scratch["emptyDir"]["sizeLimit"]) == 4 * 256

    def memory(objects: list[Object], kind: str) -> int:
        return mebibytes(container(objects, "worker-cpu")["resources"][kind]["memory"])

    for kind in ("requests", "limits"):
        assert memory(in_memory, kind) - memory(on_disk, kind) == 4 * 256
    assert "ephemeral-storage" not in container(in_memory, "worker-cpu")["resources"]["requests"]


def test_a_worker_with_the_least_scratch_takes_tasks_and_raises_no_alarm() -> None:
    """A file system keeps up to a seventh of a small volume for itself; ext4 does."""
    schema = json.loads((CHART / "values.schema.json").read_text())["$defs"]["pool"]["properties"]
    least = schema["scratch"]["properties"]["perSlotMiB"]["minimum"]
    (alarm,) = re.findall(r"< (\d+) \* 2\^20", ALERTS["GopfarmScratchLow"].expr)
    assert SLOT_BYTES >> 20 < int(alarm) < least * 6 / 7


def test_scratch_can_be_a_volume_of_its_own() -> None:
    objects = render(pool({"slots": 4, "scratch": {"perSlotMiB": 256, "storageClassName": "local-nvme"}}))
    (scratch,) = [v for v in spec_of(objects, "worker-cpu")["volumes"] if v["name"] == "scratch"]
    claim = scratch["ephemeral"]["volumeClaimTemplate"]["spec"]
    assert claim["storageClassName"] == "local-nvme"
    assert claim["resources"]["requests"]["storage"] == "1024Mi"
    assert "ephemeral-storage" not in container(objects, "worker-cpu")["resources"]["requests"]


def test_a_worker_that_hangs_is_not_waited_for() -> None:
    """Its probe has a grace of its own: that of the pod is for workers that finish their tasks."""
    for role in ("worker-cpu", "scheduler"):
        probe = container(render(), role)["livenessProbe"]
        assert probe["terminationGracePeriodSeconds"] <= 30
        assert probe["failureThreshold"] * probe["periodSeconds"] >= 120


def test_resources_of_an_operator_win_over_the_measured_ones() -> None:
    resources = container(
        render(pool({"slots": 2, "resources": {"limits": {"cpu": 2}, "requests": {"memory": "4Gi"}}})),
        "worker-cpu",
    )["resources"]
    assert resources["limits"].keys() == {"cpu", "memory"}
    assert resources["requests"] == {"cpu": "1800m", "memory": "4Gi", "ephemeral-storage": "2048Mi"}


@pytest.mark.parametrize("name", MATRIX)
def test_pods_may_take_as_long_to_end_as_their_workers(name: str) -> None:
    for item in of_kind(render(MATRIX[name]), "Deployment"):
        spec = item["spec"]["template"]["spec"]
        (box,) = spec["containers"]
        if box["args"][0] == "worker":
            assert spec["terminationGracePeriodSeconds"] >= grace_of(box) + _AFTER_GRACE
            assert item["spec"]["progressDeadlineSeconds"] > spec["terminationGracePeriodSeconds"]
        elif box["args"][0] == "scheduler":
            assert spec["terminationGracePeriodSeconds"] > scheduler.role._STOP_TIMEOUT_MS / 1000


@pytest.mark.parametrize(
    ("spot", "warning"), [("eks", 120), ("karpenter", 120), ("aks", 30), ("gke", 15), ("custom", 120)]
)
def test_on_spot_nodes_tasks_are_given_back_within_the_warning(spot: str, warning: int) -> None:
    """So many seconds before a node goes providers warn. A task that is not given back costs an attempt."""
    assert grace_of(container(render(pool({"spot": spot})), "worker-cpu")) < warning
    assert grace_of(container(render(pool({"spot": spot, "graceSeconds": 5})), "worker-cpu")) == 5
    assert grace_of(container(render(pool({"spot": spot, "graceSeconds": 0})), "worker-cpu")) == 0


def test_spot_nodes_are_found_by_their_marks_besides_those_of_the_operator() -> None:
    own = {"nodeSelector": {"disk": "nvme"}, "tolerations": [{"key": "media", "operator": "Exists"}]}
    spec = spec_of(render(pool({**own, "spot": "gke"})), "worker-cpu")
    assert spec["nodeSelector"] == {"disk": "nvme", "cloud.google.com/gke-spot": "true"}
    assert [toleration["key"] for toleration in spec["tolerations"]] == ["media", "cloud.google.com/gke-spot"]
    spec = spec_of(render(pool({"spot": "eks"})), "worker-cpu")
    assert spec["nodeSelector"] == {"eks.amazonaws.com/capacityType": "SPOT"}
    assert "tolerations" not in spec
    assert "nodeSelector" not in spec_of(render(), "worker-cpu")


def test_a_gpu_pool_asks_for_devices_and_its_own_image() -> None:
    objects = render(MATRIX["aws"])
    box, spec = container(objects, "worker-gpu"), spec_of(objects, "worker-gpu")
    assert box["resources"]["limits"]["nvidia.com/gpu"] == "1"
    assert box["image"] == "111122223333.dkr.ecr.eu-central-1.amazonaws.com/gopfarm:0.1.0-cuda"
    assert "video" in {x["name"]: x.get("value") for x in box["env"]}["NVIDIA_DRIVER_CAPABILITIES"]
    assert spec["runtimeClassName"] == "nvidia"
    assert [toleration["key"] for toleration in spec["tolerations"]] == ["nvidia.com/gpu"]
    cpu = container(objects, "worker-cpu")
    assert "nvidia.com/gpu" not in cpu["resources"]["limits"]
    assert cpu["image"].endswith("@sha256:" + "0" * 64)


def test_slots_for_gpus_are_as_many_as_a_worker_takes() -> None:
    assert isinstance(cli, click.Group)
    command = cli.get_command(click.Context(cli), "worker")
    assert command
    (option,) = [option for option in command.params if option.name == "gpu_slots"]
    assert isinstance(option.type, click.IntRange)
    values = {"workers": {"pools": {"gpu": {"enabled": True, "slots": option.type.max}}}}
    assert f"--gpu-slots={option.type.max}" in container(render(values), "worker-gpu")["args"]


def test_a_pool_may_pull_its_image_as_it_likes() -> None:
    values = {
        "image": {"pullPolicy": "Never"},
        "workers": {"pools": {"a": {"image": {"pullPolicy": "Always"}}}},
    }
    policies = {
        pool: container(render(values), pool)["imagePullPolicy"] for pool in ("worker-a", "worker-cpu")
    }
    assert policies == {"worker-a": "Always", "worker-cpu": "Never"}


def test_a_value_of_a_pool_wins_over_that_of_all_pools() -> None:
    objects = render(
        {
            "workers": {
                "defaults": {"slots": 6, "scratch": {"medium": "Memory"}, "nodeSelector": {"media": "yes"}},
                "pools": {
                    "a": {"slots": 2, "scratch": {"perSlotMiB": 128}},
                    "b": {"nodeSelector": {"b": "c"}},
                },
            }
        }
    )
    assert "--slots=2" in container(objects, "worker-a")["args"]
    assert "--slots=6" in container(objects, "worker-b")["args"]
    assert spec_of(objects, "worker-a")["volumes"][0]["emptyDir"] == {
        "medium": "Memory",
        "sizeLimit": "256Mi",
    }
    assert spec_of(objects, "worker-b")["nodeSelector"] == {"media": "yes", "b": "c"}


def test_a_pool_that_is_off_leaves_nothing() -> None:
    values = pool({"enabled": False})
    assert not [item for item in render(values) if "worker-cpu" in item["metadata"]["name"]]


def triggers(values: Object, ending: str) -> list[Any]:
    """Return the triggers of a ScaledObject."""
    return list(named(render(values), "ScaledObject", ending)["spec"]["triggers"])


def test_a_pool_is_sized_by_the_backlog_and_the_time_that_it_may_take() -> None:
    scaling = {
        "engine": "keda",
        "drainSeconds": 600,
        "prometheus": {"serverAddress": "http://prometheus:9090"},
    }
    values = {**pool({"slots": 8, "autoscaling": {"share": 0.5}}), "autoscaling": scaling}
    prometheus, active = triggers(values, "worker-cpu")
    assert prometheus["type"] == "prometheus"
    # A full queue would ask for more than the time allows: it only counts where nothing else is known.
    assert active["metadata"]["listName"] == "gopfarm:active"
    # 8 slots work off 4,800 slot-seconds in 600 s, which is half the work of 9,600.
    assert prometheus["metadata"]["threshold"] == "9600"
    assert prometheus["metadata"]["query"] == 'max(gopfarm_backlog_slot_seconds{queue="encode.cpu"})'


def test_a_farm_is_scaled_by_its_own_backlog_where_a_prometheus_knows_several() -> None:
    """By the labels that the Prometheus operator gives to what a ServiceMonitor finds."""
    query = triggers(MATRIX["aws"], "worker-gpu")[0]["metadata"]["query"]
    labels = 'queue="encode.nvenc",namespace="video",service="demo-gopfarm-metrics"'
    assert query == f"max(gopfarm_backlog_slot_seconds{{{labels}}})"
    assert named(render(MATRIX["aws"]), "Service", "gopfarm-metrics")
    own = {"serverAddress": "http://prometheus:9090", "query": 'sum(x{queue="%QUEUE%"})'}
    values = {**MATRIX["aws"], "autoscaling": {"engine": "keda", "prometheus": own}}
    assert triggers(values, "worker-gpu")[0]["metadata"]["query"] == 'sum(x{queue="encode.nvenc"})'


def test_without_prometheus_a_full_queue_doubles_a_pool() -> None:
    """The queue holds one message for each live slot, see scheduler/dispatch.py."""
    queue, active = triggers({**pool({"slots": 8}), "autoscaling": {"engine": "keda"}}, "worker-cpu")
    assert queue["metadata"]["listName"] == "dramatiq:encode.cpu"
    pods, slots = 3, 8
    assert pods * slots / int(queue["metadata"]["listLength"]) == 2 * pods
    assert active["metadata"]["listName"] == "gopfarm:active"


def test_pools_of_one_queue_double_together_by_their_shares() -> None:
    scaling = {**MATRIX["aws"]["autoscaling"], "prometheus": {"serverAddress": ""}}
    values = {**MATRIX["aws"], "autoscaling": scaling}
    queue = {
        ending: int(triggers(values, ending)[0]["metadata"]["listLength"])
        for ending in ("worker-cpu", "worker-spot")
    }
    waiting, slots = 480, 8  # as many messages as live slots
    wanted = {ending: waiting / length * slots for ending, length in queue.items()}
    assert sum(wanted.values()) == pytest.approx(2 * waiting, rel=0.1)
    assert wanted["worker-spot"] > 2 * wanted["worker-cpu"]


def test_a_pool_can_go_to_zero_and_comes_back_for_a_job() -> None:
    """With no slots alive nothing is put into queues: what wakes a pool is that a job has tasks open."""
    (item,) = of_kind(render(MATRIX["keda-bundled"]), "ScaledObject")
    assert item["spec"]["minReplicaCount"] == 0
    wake = item["spec"]["triggers"][-1]["metadata"]
    assert (wake["listName"], wake["activationListLength"]) == ("gopfarm:active", "0")
    assert int(wake["listLength"]) > 100_000  # it asks for one pod, however many jobs there are


def test_a_pool_of_gpus_goes_to_zero_where_its_backlog_can_be_seen() -> None:
    """Jobs that ask for it then wait, instead of failing because no worker has it."""
    gpu = {"gpu": {"enabled": True, "autoscaling": {"min": 0}}}
    scaling = {"engine": "keda", "prometheus": {"serverAddress": "http://prometheus:9090"}}
    objects = render({"workers": {"pools": gpu}, "autoscaling": scaling})
    assert named(objects, "ScaledObject", "worker-gpu")["spec"]["minReplicaCount"] == 0
    assert named(objects, "ConfigMap", "gopfarm")["data"]["GOPFARM_SCALED_ENCODERS"] == "nvenc"
    (trigger,) = named(objects, "ScaledObject", "worker-gpu")["spec"]["triggers"]
    assert 'queue="encode.nvenc"' in trigger["metadata"]["query"]
    assert "GOPFARM_SCALED_ENCODERS" not in named(render(), "ConfigMap", "gopfarm")["data"]


def test_scaling_down_is_slow() -> None:
    keda = named(render(MATRIX["aws"]), "ScaledObject", "worker-cpu")["spec"]["advanced"]
    behavior = keda["horizontalPodAutoscalerConfig"]["behavior"]
    down = behavior["scaleDown"]
    assert down["stabilizationWindowSeconds"] >= 600
    assert all(policy["periodSeconds"] >= 120 for policy in down["policies"])
    hpa = named(render(MATRIX["hpa-api"]), "HorizontalPodAutoscaler", "worker-cpu")["spec"]
    assert hpa["behavior"] == behavior


def test_a_source_of_figures_that_is_away_takes_no_pod_away() -> None:
    spec = named(render(MATRIX["aws"]), "ScaledObject", "worker-cpu")["spec"]
    assert spec["fallback"]["behavior"] == "currentReplicasIfHigher"
    assert spec["triggers"][0]["metadata"]["ignoreNullValues"] == "false"


def test_an_upgrade_replaces_workers_at_once_and_the_api_one_by_one() -> None:
    objects = render({**MATRIX["hpa-api"], "updateStrategy": "Recreate"})
    strategies = {
        item["metadata"]["name"].removeprefix("demo-gopfarm-"): item["spec"]["strategy"]["type"]
        for item in of_kind(objects, "Deployment")
    }
    assert strategies.pop("api") == "RollingUpdate"
    assert set(strategies.values()) == {"Recreate"}


def test_without_keda_a_plain_autoscaler_keeps_one_pod() -> None:
    objects = render()
    assert of_kind(objects, "ScaledObject", "TriggerAuthentication") == []
    (hpa,) = of_kind(objects, "HorizontalPodAutoscaler")
    assert (hpa["spec"]["minReplicas"], hpa["spec"]["maxReplicas"]) == (1, 10)


def test_nothing_scales_where_nothing_should() -> None:
    assert of_kind(render(MATRIX["minimal"]), "ScaledObject", "HorizontalPodAutoscaler") == []
    fixed = render(MATRIX["hpa-api"])
    assert "demo-gopfarm-worker-fixed" not in str(of_kind(fixed, "HorizontalPodAutoscaler"))
