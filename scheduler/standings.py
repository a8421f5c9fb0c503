"""The order of ``fair.choose``, kept up to date: the next job is found without looking at all of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from heapq import heappop, heappush

from gopfarm.store import WaitingJob
from gopfarm.tenants import TenantPolicy, policy_of

#: What ``choose`` compares: urgency (negated), the tenant's share and runs, the job's time and id.
_Key = tuple[int, float, int, float, str]


class Standing:
    """What decides whose turn it is, besides the jobs themselves.

    Args:
        urgency: The urgency of each job, by id.
        runs: How many tasks each tenant has been given.
        shares: The work that each tenant has been given, see ``fair.choose``.
        policies: Weights and limits by tenant.
    """

    def __init__(
        self,
        urgency: dict[str, int],
        runs: Mapping[str, int],
        shares: Mapping[str, float],
        policies: Mapping[str, TenantPolicy],
    ) -> None:
        self.urgency = urgency
        self.runs = Counter(runs)
        self.shares = dict(shares)
        self._policies = policies
        self._known: dict[str, TenantPolicy] = {}

    def may_have(self, tenant: str) -> bool:
        """Tell whether a tenant may be given one more task."""
        most = self._policy(tenant).max_running
        return most is None or self.runs[tenant] < most

    def weight(self, tenant: str) -> float:
        """Return a tenant's weight."""
        return self._policy(tenant).weight

    def give(self, tenant: str, runs: int, seconds: float) -> None:
        """Count what a tenant is given, or, if negative, what is taken back from it."""
        self.runs[tenant] += runs
        self.shares[tenant] = self.shares.get(tenant, 0.0) + seconds / self.weight(tenant)

    def _policy(self, tenant: str) -> TenantPolicy:
        if tenant not in self._known:
            self._known[tenant] = policy_of(tenant, self._policies)
        return self._known[tenant]


class Order:
    """The jobs that have something for one queue, in the order in which it is their turn.

    All jobs of a tenant have the same share and runs, so its first one is the most urgent, then the oldest: a
    heap for each tenant. A heap of the tenants has the key of each one's first job. Entries are not removed
    from the middle of a heap when they are no longer true, but dropped when they come to its top; so whatever
    changes must be told (``put``, ``refresh``), and costs the logarithm of what waits.

    Args:
        queue: The queue.
        jobs: Those that have something for it, or for other queues.
        standing: What else decides; changed by others.
    """

    def __init__(self, queue: str, jobs: Iterable[WaitingJob], standing: Standing) -> None:
        self._queue = queue
        self._standing = standing
        self._by_id: dict[str, WaitingJob] = {}
        self._jobs: dict[str, list[tuple[int, float, str]]] = {}
        self._tenants: list[tuple[_Key, str]] = []
        self._keys: dict[str, _Key | None] = {}
        for job in jobs:
            self.put(job)
        for tenant in self._jobs:
            self.refresh(tenant)

    def first(self) -> WaitingJob | None:
        """Return the job whose turn it is; None if no tenant that may have one has any."""
        while self._tenants:
            key, tenant = self._tenants[0]
            if self._keys[tenant] == key:
                return self._by_id[key[-1]]
            heappop(self._tenants)
        return None

    def put(self, job: WaitingJob) -> None:
        """Take in a job that has something now, or another urgency; then ``refresh`` its tenant."""
        if job.waiting.get(self._queue):
            self._by_id[job.id] = job
            heap = self._jobs.setdefault(job.tenant, [])
            heappush(heap, (-self._standing.urgency[job.id], job.submitted, job.id))

    def refresh(self, tenant: str) -> None:
        """See anew where a tenant stands: it, or one of its jobs, was given something, or has lost it."""
        key = self._key(tenant)
        if key != self._keys.get(tenant):
            self._keys[tenant] = key
            if key is not None:
                heappush(self._tenants, (key, tenant))

    def _key(self, tenant: str) -> _Key | None:
        if not self._standing.may_have(tenant):
            return None
        heap = self._jobs.get(tenant, [])
        while heap:
            urgency, submitted, job_id = heap[0]
            if self._by_id[job_id].waiting.get(self._queue) and -urgency == self._standing.urgency[job_id]:
                share = self._standing.shares.get(tenant, 0.0)
                return urgency, share, self._standing.runs[tenant], submitted, job_id
            heappop(heap)
        return None
