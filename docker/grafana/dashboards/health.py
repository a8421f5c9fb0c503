"""Is anything wrong, and where?"""

from __future__ import annotations

from dashboards import services
from dashboards.panels import Board, Limits, Query, figure, graph, values_of
from dashboards.queries import (
    FARM,
    OFTEN,
    POOL,
    SELDOM,
    farm_wide,
    increase,
    quantile,
    rate,
    ratio,
    seen,
    select,
    sum_of,
)


def health() -> Board:
    """Return the dashboard."""
    board = Board(
        "gopfarm-health",
        "gopfarm / Health",
        "Is anything wrong with the farm, or with what it depends on?",
        "6h",
        "30s",
        values_of("pool", "gopfarm_slots"),
    )
    _at_a_glance(board)
    services.redis(board)
    services.storage(board)
    _work(board)
    _scheduler(board)
    _workers(board)
    services.api(board)
    return board


def _at_a_glance(board: Board) -> None:
    up = f'up{{job="gopfarm", {FARM}}}'
    alerts = f'ALERTS{{alertname=~"Gopfarm.*", alertstate="firing", {FARM}}}'
    board.row(
        "Now",
        figure(
            "Alerts",
            "Alerts of the farm that fire.",
            "short",
            Query(f"count({alerts}) or vector(0)"),
            limits=Limits(1, 3),
        ),
        figure(
            "Schedulers that lead",
            "One in each farm. None: nothing is given out.",
            "short",
            Query(sum_of("gopfarm_scheduler_leads")),
            limits=Limits(1, 0.5),
            alert="GopfarmNoLeader",
        ),
        figure(
            "Schedulers",
            "Schedulers that Redis has heard of lately. With one alone, nobody takes over from it.",
            "short",
            Query(farm_wide("gopfarm_farm_schedulers")),
        ),
        figure(
            "Workers",
            "Workers that Redis has heard of lately.",
            "short",
            Query(farm_wide("gopfarm_farm_workers")),
            alert="GopfarmNoWorkers",
        ),
        figure(
            "Targets that answer",
            "Share of the processes that answer Prometheus.",
            "percentunit",
            Query(f"sum({up}) / count({up})"),
            limits=Limits(1, 0.8),
            alert="GopfarmTargetDown",
        ),
        figure(
            "Versions",
            "Versions of gopfarm that run. More than one only during an upgrade.",
            "short",
            Query(f"count(count by (version) ({select('gopfarm_build_info')}))"),
            limits=Limits(2, 3),
            alert="GopfarmVersionsMixed",
        ),
    )
    board.row(
        "Alerts",
        graph(
            "Alerts that fire",
            "Each names its section in the runbooks.",
            "short",
            Query(f"count by (alertname, severity) ({alerts})", "{{alertname}} ({{severity}})"),
            width=24,
            stacked=True,
        ),
    )


def _work(board: Board) -> None:
    board.row(
        "Tasks and jobs",
        graph(
            "Runs of tasks that did not end as done",
            "In each hour, by outcome. duplicate, unwanted and given_back are harmless.",
            "short",
            Query(
                seen(increase("gopfarm_tasks_total", 'outcome!="done"', POOL, labels="outcome", over=SELDOM)),
                "{{outcome}}",
            ),
            stacked=True,
            alert="GopfarmTasksFail",
        ),
        graph(
            "Child processes that ended badly",
            "In each hour, by how.",
            "short",
            Query(
                increase(
                    "gopfarm_children_ended_total",
                    'how!~"ok|error|abandoned"',
                    labels="how",
                    over=SELDOM,
                ),
                "{{how}}",
            ),
            stacked=True,
            alert="GopfarmChildrenDie",
        ),
        graph(
            "Leases that expired, and twins",
            "In each hour: tasks whose worker was heard of no more, and slow ones that got a second run.",
            "short",
            Query(increase("gopfarm_leases_expired_total", labels="outcome", over=SELDOM), "{{outcome}}"),
            Query(increase("gopfarm_task_twins_total", over=SELDOM), "twins"),
            stacked=True,
            alert="GopfarmLeasesExpire",
        ),
        graph(
            "Jobs failed by the farm",
            "In each hour, by reason; those that nobody but the operator can help.",
            "short",
            Query(
                increase(
                    "gopfarm_job_failures_total",
                    'reason!~"source|spec|damaged|destination|limit"',
                    labels="reason",
                    over=SELDOM,
                ),
                "{{reason}}",
            ),
            stacked=True,
            alert="GopfarmJobsFail",
        ),
        graph(
            "Repairs",
            "What the reconciler found lost and put right, in each hour. None, but after a crash of Redis.",
            "short",
            Query(increase("gopfarm_repairs_total", labels="kind", over=SELDOM), "{{kind}}"),
            stacked=True,
            alert="GopfarmRepairs",
        ),
        graph(
            "Damaged pictures and sound",
            "Packets of sources that could not be decoded, for each frame that could; in the last hour.",
            "percentunit",
            Query(
                ratio(
                    increase("gopfarm_frames_damaged_total", POOL, labels="kind", over=SELDOM),
                    increase("gopfarm_frames_decoded_total", POOL, labels="kind", over=SELDOM),
                ),
                "{{kind}}",
            ),
            alert="GopfarmSourcesFail",
        ),
    )


def _scheduler(board: Board) -> None:
    board.row(
        "Scheduler and webhooks",
        graph(
            "Round of dispatch",
            "Time that the leading scheduler takes to look and give out.",
            "s",
            Query(quantile(0.5, "gopfarm_dispatch_round_seconds"), "half"),
            Query(f"max({select('namespace:gopfarm_dispatch_round_seconds:p95_rate5m')})", "19 of 20"),
            width=6,
            limits=Limits(0.5, 1),
            alert="GopfarmDispatchSlow",
        ),
        graph(
            "Tasks given out",
            "Tasks that go to the queues of workers each second.",
            "ops",
            Query(rate("gopfarm_tasks_queued_total"), "tasks"),
            width=6,
        ),
        graph(
            "Webhooks",
            "Webhooks that wait, and that were given up and are kept.",
            "short",
            Query(farm_wide("gopfarm_webhooks_waiting"), "waiting"),
            Query(farm_wide("gopfarm_webhooks_dead"), "given up"),
            width=6,
            alert="GopfarmWebhooksDead",
        ),
        graph(
            "Oldest webhook",
            "Time since the oldest event that a receiver has not taken yet.",
            "s",
            Query(f"max({select('gopfarm_webhooks_oldest_waiting_seconds')})", "oldest"),
            width=6,
            limits=Limits(300, 900),
            alert="GopfarmWebhooksLate",
        ),
        graph(
            "Tries of webhooks",
            "In each hour, by outcome.",
            "short",
            Query(increase("gopfarm_webhook_deliveries_total", labels="outcome", over=SELDOM), "{{outcome}}"),
            width=24,
            stacked=True,
        ),
    )


def _workers(board: Board) -> None:
    of_ours = f'job="gopfarm", {FARM}'
    board.row(
        "Processes",
        graph(
            "Room for scratch",
            "The ten workers with the least. Below 32 MiB a slot a worker takes no task.",
            "bytes",
            Query(f"bottomk(10, {select('gopfarm_scratch_free_bytes', POOL)})", "{{pod}} {{instance}}"),
            width=6,
            alert="GopfarmScratchLow",
        ),
        graph(
            "Memory of a task",
            "Nine tenths of the child processes of the last hour had less at their peak.",
            "bytes",
            Query(
                quantile(0.9, "gopfarm_task_peak_memory_bytes", POOL, labels="kind", over=SELDOM), "{{kind}}"
            ),
            width=6,
            alert="GopfarmChildrenDie",
        ),
        graph(
            "Memory of roles",
            "The ten largest processes, without their children.",
            "bytes",
            Query(f"topk(10, process_resident_memory_bytes{{{of_ours}}})", "{{pod}} {{instance}}"),
            width=6,
        ),
        graph(
            "Processor time of roles",
            "The ten busiest processes, in cores, without their children.",
            "short",
            Query(
                f"topk(10, rate(process_cpu_seconds_total{{{of_ours}}}[{OFTEN}]))",
                "{{pod}} {{instance}}",
            ),
            width=6,
        ),
    )
