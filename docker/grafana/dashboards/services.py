"""Rows of the dashboard Health: what the farm depends on, and what others depend on."""

from __future__ import annotations

from dashboards.panels import Board, Limits, Query, graph
from dashboards.queries import quantile, rate, ratio, select


def redis(board: Board) -> None:
    """Add what tells of Redis."""
    board.row(
        "Redis",
        graph(
            "Commands",
            "Commands and scripts of the farm each second: the ten most frequent.",
            "ops",
            Query(
                f"topk(10, {rate('gopfarm_redis_command_seconds_count', labels='command')})", "{{command}}"
            ),
        ),
        graph(
            "Time of a command",
            "99 of 100 commands take less: all together, and the slowest five kinds. Milliseconds are well.",
            "s",
            Query(
                f"max({select('namespace:gopfarm_redis_command_seconds:p99_rate5m')})",
                "all",
            ),
            Query(
                f"topk(5, {quantile(0.99, 'gopfarm_redis_command_seconds', labels='command')})",
                "{{command}}",
            ),
            limits=Limits(0.05, 0.1),
            alert="GopfarmRedisSlow",
        ),
        graph(
            "Errors",
            "Commands that got no answer, or were refused, each second. Zero is well.",
            "ops",
            Query(rate("gopfarm_redis_errors_total", labels="kind"), "{{kind}}"),
            alert="GopfarmRedisErrors",
        ),
    )


def storage(board: Board) -> None:
    """Add what tells of storage."""
    board.row(
        "Storage",
        graph(
            "Requests",
            "Requests each second.",
            "reqps",
            Query(
                rate("gopfarm_storage_request_seconds_count", labels="store, operation"),
                "{{store}} {{operation}}",
            ),
        ),
        graph(
            "Time of a request",
            "Nineteen of twenty requests take less until their answer begins.",
            "s",
            Query(
                "max by (store, operation) "
                f"({select('namespace_store_operation:gopfarm_storage_request_seconds:p95_rate5m')})",
                "{{store}} {{operation}}",
            ),
            limits=Limits(2, 5),
            alert="GopfarmStorageSlow",
        ),
        graph(
            "Errors",
            "Attempts that failed, each second. All are tried again; throttling comes with bursts.",
            "reqps",
            Query(
                rate("gopfarm_storage_errors_total", labels="store, operation, reason"),
                "{{store}} {{operation}}: {{reason}}",
            ),
            alert="GopfarmStorageErrors",
        ),
    )


def api(board: Board) -> None:
    """Add what tells of the HTTP API."""
    failed = rate("gopfarm_http_requests_total", 'status=~"5.."')
    board.row(
        "API",
        graph(
            "Requests",
            "Answers each second, by status.",
            "reqps",
            Query(rate("gopfarm_http_requests_total", labels="status"), "{{status}}"),
            stacked=True,
        ),
        graph(
            "Errors",
            "Share of the answers with 5xx.",
            "percentunit",
            Query(ratio(f"({failed} or vector(0))", rate("gopfarm_http_requests_total")), "5xx"),
            limits=Limits(0.005, 0.01),
            alert="GopfarmApiErrors",
        ),
        graph(
            "Time of a request",
            "Nineteen of twenty requests take less; the ten slowest routes. Streams are left out.",
            "s",
            Query(
                "topk(10, max by (route) "
                f"({select('namespace_route:gopfarm_http_request_seconds:p95_rate5m')}))",
                "{{route}}",
            ),
            limits=Limits(1, 2),
            alert="GopfarmApiSlow",
        ),
    )
