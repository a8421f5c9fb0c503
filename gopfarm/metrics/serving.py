"""Answering Prometheus: each process tells of itself, and only what its role exports."""

from __future__ import annotations

import socket
from collections.abc import Iterable
from itertools import product

from prometheus_client import (
    CollectorRegistry,
    GCCollector,
    PlatformCollector,
    ProcessCollector,
    start_http_server,
)
from prometheus_client.metrics import MetricWrapperBase

from gopfarm.errors import SpecError
from gopfarm.metrics.catalogue import Label, Metric, Role, catalogue
from gopfarm.metrics.labels import TENANT_CLASS


def registry_of(roles: Iterable[Role], tenant_classes: Iterable[str] = ()) -> CollectorRegistry:
    """Return what processes of these roles tell, with what Python and Linux tell of a process.

    Counters of rare events begin at 0 for every set of their labels, the classes of tenants among them: else
    the first event would be no increase.
    """
    wanted, classes = set(roles), tuple(tenant_classes)
    registry = CollectorRegistry()
    metrics = [metric for metric in catalogue() if wanted & set(metric.roles)]
    for collector in dict.fromkeys(metric.collector for metric in metrics):
        registry.register(collector)
    for metric in metrics:
        if metric.from_zero:
            _begin(metric, classes)
    for collect in (ProcessCollector, PlatformCollector, GCCollector):
        collect(registry=registry)
    return registry


def _begin(metric: Metric, classes: tuple[str, ...]) -> None:
    def values(label: Label) -> tuple[str, ...]:
        return classes if label is TENANT_CLASS else label.values

    assert isinstance(metric.collector, MetricWrapperBase)
    if metric.labels:
        for of in product(*map(values, metric.labels)):
            metric.collector.labels(*of)


def _everywhere() -> str:
    """Return the address for all of this machine's: of both families, or of IPv4 where it has no IPv6.

    A pod may have addresses of one family only, and the kubelet asks at those.
    """
    try:
        with socket.socket(socket.AF_INET6) as trial:
            both = not trial.getsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY)
    except OSError:
        both = False
    return "::" if both else "0.0.0.0"  # noqa: S104 - metrics are for other machines


def serve_metrics(port: int, *roles: Role, tenant_classes: Iterable[str] = ()) -> None:
    """Answer Prometheus on a TCP port, in a background thread, until the process ends.

    Args:
        port: The port, on all addresses.
        roles: What this process is; every role if none is named.
        tenant_classes: All classes that tenants can have.

    Raises:
        SpecError: The port cannot be listened on.
    """
    try:
        start_http_server(port, _everywhere(), registry_of(roles or Role, tenant_classes))
    except OSError as error:
        raise SpecError(
            f"metrics cannot be served on port {port}: {error.strerror}; choose another --metrics-port"
        ) from None
