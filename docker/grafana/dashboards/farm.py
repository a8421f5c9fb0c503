"""Does the farm keep up, and is it fast?"""

from __future__ import annotations

from dashboards.panels import Board, Limits, Query, bars, figure, graph, values_of
from dashboards.queries import (
    POOL,
    SELDOM,
    SHOWN,
    farm_wide,
    increase,
    longest,
    quantile,
    rate,
    ratio,
    seen,
    select,
    sum_of,
)

#: An hour of work before the slots is when the alert looks closer.
_DRAIN = Limits(1800, 3600)


def farm() -> Board:
    """Return the dashboard."""
    board = Board(
        "gopfarm-farm",
        "gopfarm / Farm",
        "Does the farm keep up with what comes in, and how soon is it done?",
        "6h",
        "30s",
        values_of("pool", "gopfarm_slots"),
    )
    _at_a_glance(board)
    _queue(board)
    _slots(board)
    _jobs(board)
    _speed(board)
    return board


def _at_a_glance(board: Board) -> None:
    board.row(
        "Now",
        figure(
            "Work before the slots",
            "How long the slots that are there need for all the work that is there, by queue.",
            "s",
            Query(
                longest("namespace_queue:gopfarm_drain_seconds:ratio", "queue"),
                "{{queue}}",
            ),
            limits=_DRAIN,
            alert="GopfarmNotKeepingUp",
        ),
        figure(
            "Oldest wait",
            "Longest time for which a job with waiting tasks was given no slot, by queue.",
            "s",
            Query(longest("gopfarm_oldest_waiting_task_seconds", "queue"), "{{queue}}"),
            limits=Limits(1800, 3600),
            alert="GopfarmTasksWaitLong",
        ),
        figure(
            "Slots busy",
            "Share of the slots that run a task. Near 100% with work waiting, the farm is as fast as it can.",
            "percentunit",
            Query(ratio(sum_of("gopfarm_slots_busy", POOL), sum_of("gopfarm_slots", POOL))),
        ),
        figure(
            "Jobs under way",
            "Jobs that have not ended, those that wait included.",
            "short",
            Query(farm_wide("gopfarm_jobs", "state")),
        ),
        figure(
            "Film per second",
            "Seconds of film published each second, over the last hour.",
            "none",
            Query(rate("gopfarm_media_seconds_total", over=SELDOM)),
        ),
        figure(
            "Jobs failed",
            "Share of the jobs that ended as failed, over all that is shown; by sources and by the farm.",
            "percentunit",
            Query(
                ratio(
                    increase("gopfarm_jobs_ended_total", 'state="failed"'),
                    increase("gopfarm_jobs_ended_total"),
                )
            ),
            limits=Limits(0.05, 0.1),
            alert="GopfarmJobsFail",
            whole_range=True,
        ),
    )


def _queue(board: Board) -> None:
    board.row(
        "Keeping up",
        graph(
            "Backlog",
            "Expected seconds of one slot for all work that is not done. It scales pools, and must come down "
            "again after a rush.",
            "s",
            Query(farm_wide("gopfarm_backlog_slot_seconds", "queue", by_label="queue"), "{{queue}}"),
            alert="GopfarmNotKeepingUp",
        ),
        graph(
            "Work before the slots",
            "Backlog divided by slots: how long until all is done if nothing else comes.",
            "s",
            Query(
                longest("namespace_queue:gopfarm_drain_seconds:ratio", "queue"),
                "{{queue}}",
            ),
            limits=_DRAIN,
            alert="GopfarmNotKeepingUp",
        ),
        graph(
            "Oldest wait",
            "Longest time for which a job with waiting tasks was given no slot.",
            "s",
            Query(longest("gopfarm_oldest_waiting_task_seconds", "queue"), "{{queue}}"),
            limits=Limits(1800, 3600),
            alert="GopfarmTasksWaitLong",
        ),
        graph(
            "Tasks",
            "Tasks of planned jobs that wait for a slot, and that run.",
            "short",
            Query(farm_wide("gopfarm_tasks_waiting", "queue", by_label="queue"), "{{queue}} waiting"),
            Query(farm_wide("gopfarm_tasks_running", "queue", by_label="queue"), "{{queue}} running"),
        ),
        graph(
            "Jobs under way",
            "Jobs that have not ended, by state.",
            "short",
            Query(farm_wide("gopfarm_jobs", "state", by_label="state"), "{{state}}"),
            stacked=True,
        ),
        graph(
            "Longest in one state",
            "Since when the job that is longest in a state is in it. All but encoding takes seconds.",
            "s",
            Query(longest("gopfarm_oldest_job_seconds", "state"), "{{state}}"),
            alert="GopfarmJobStuck",
        ),
    )


def _slots(board: Board) -> None:
    busy, slots = (sum_of(name, POOL, labels="pool") for name in ("gopfarm_slots_busy", "gopfarm_slots"))
    taking = sum_of("gopfarm_worker_accepting", POOL, labels="pool")
    board.row(
        "Slots by pool",
        graph("Busy", "Slots that run a task.", "short", Query(busy, "{{pool}}"), stacked=True, width=6),
        graph(
            "Idle",
            "Slots that are there and run nothing. Idle while work waits: something holds it back.",
            "short",
            Query(f"{slots} - {busy}", "{{pool}}"),
            stacked=True,
            width=6,
            alert="GopfarmNothingRuns",
        ),
        graph(
            "Use",
            "Share of each pool's slots that run a task.",
            "percentunit",
            Query(ratio(busy, slots), "{{pool}}"),
            width=6,
        ),
        graph(
            "Workers",
            "Workers that take tasks, and that do not: they stop, or have no room for scratch.",
            "short",
            Query(taking, "{{pool}} taking"),
            Query(
                f"count by (pool) ({select('gopfarm_worker_accepting', POOL)}) - {taking}",
                "{{pool}} not taking",
            ),
            width=6,
            alert="GopfarmWorkerHolds",
        ),
    )


def _jobs(board: Board) -> None:
    board.row(
        "Jobs",
        graph(
            "Ended",
            "Jobs that ended in each hour, by how.",
            "short",
            Query(increase("gopfarm_jobs_ended_total", labels="state", over=SELDOM), "{{state}}"),
        ),
        graph(
            "Failed, by reason",
            "In each hour. source, damaged, spec, destination: the farm was given what cannot be done. All "
            "others are ours.",
            "short",
            Query(seen(increase("gopfarm_job_failures_total", labels="reason", over=SELDOM)), "{{reason}}"),
            stacked=True,
            alert="GopfarmJobsFail",
        ),
        graph(
            "Submitted",
            "Jobs taken in and submissions refused in each hour.",
            "short",
            Query(
                increase("gopfarm_jobs_submitted_total", labels="tenant_class", over=SELDOM),
                "{{tenant_class}}",
            ),
            Query(
                seen(increase("gopfarm_jobs_refused_total", labels="reason", over=SELDOM)),
                "refused: {{reason}}",
            ),
            alert="GopfarmJobsRefused",
        ),
        graph(
            "Time from submission to publication",
            "Of jobs that were done in the last hour.",
            "s",
            *_half_and_nine_tenths("gopfarm_job_duration_seconds"),
            width=6,
        ),
        graph(
            "Wait for the first slot",
            "From submission until the first task was started, of jobs that ended in the last hour.",
            "s",
            *_half_and_nine_tenths("gopfarm_job_queue_seconds"),
            width=6,
            alert="GopfarmNotKeepingUp",
        ),
        graph(
            "Time until it can be watched",
            "Of progressive jobs that were first shown in the last hour.",
            "s",
            *_half_and_nine_tenths("gopfarm_first_playable_seconds"),
            width=6,
            limits=Limits(60, 120),
            alert="GopfarmFirstPlayableSlow",
        ),
        graph(
            "Steps besides encoding",
            "Nine tenths of the steps of schedulers took less than this in the last hour.",
            "s",
            Query(quantile(0.9, "gopfarm_step_seconds", labels="step", over=SELDOM), "{{step}}"),
            width=6,
            alert="GopfarmJobStuck",
        ),
    )


def _half_and_nine_tenths(histogram: str) -> tuple[Query, Query]:
    return (
        Query(quantile(0.5, histogram, over=SELDOM), "half"),
        Query(quantile(0.9, histogram, over=SELDOM), "nine tenths"),
    )


def _speed(board: Board) -> None:
    frames = rate("gopfarm_frames_encoded_total", POOL, labels="rendition, encoder")
    board.row(
        "Speed",
        graph(
            "Frames encoded",
            "Frames of all slots each second, by the size of the rendition.",
            "short",
            Query(rate("gopfarm_frames_encoded_total", POOL, labels="rendition"), "{{rendition}}"),
            stacked=True,
        ),
        graph(
            "Frames per second of one encoder",
            "How fast one slot encodes a rendition, decoding and scaling left out. A machine that is "
            "throttled or crowded shows here first.",
            "short",
            Query(
                ratio(frames, rate("gopfarm_encode_seconds_total", POOL, labels="rendition, encoder")),
                "{{rendition}} {{encoder}}",
            ),
        ),
        graph(
            "Realtime factor of tasks",
            "Seconds of film that one slot does in a second; half of the tasks are faster.",
            "none",
            Query(
                quantile(0.5, "gopfarm_task_realtime_factor", POOL, labels="kind", over=SELDOM), "{{kind}}"
            ),
        ),
        graph(
            "Realtime factor of jobs",
            "Seconds of film for each second from submission to publication, of jobs done in the last hour.",
            "none",
            *_half_and_nine_tenths("gopfarm_job_realtime_factor"),
        ),
        graph(
            "Duration of tasks",
            "Nine tenths of the tasks of the last hour took less. Those that take longer than a worker's "
            "grace do not survive its end.",
            "s",
            Query(
                quantile(0.9, "gopfarm_task_duration_seconds", POOL, labels="kind", over=SELDOM), "{{kind}}"
            ),
        ),
        bars(
            "Film by rendition",
            "Frames encoded in all that is shown.",
            "short",
            Query(
                increase("gopfarm_frames_encoded_total", POOL, labels="rendition", over=SHOWN),
                "{{rendition}}",
            ),
        ),
    )
