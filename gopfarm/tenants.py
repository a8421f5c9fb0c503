"""What each tenant of a shared farm is entitled to: settings of the operator."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import BaseModel, ConfigDict, Field

#: The name under which the settings give what holds for tenants that are not named.
EVERYONE_ELSE = "*"


class TenantPolicy(BaseModel):
    """A tenant's weight and limits.

    Of tenants that all have work waiting, each gets slots in proportion to its weight. Limits count jobs that
    have not ended, and tasks that are queued at workers or running; None is no limit.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    weight: float = Field(default=1.0, gt=0, le=1e6, description="Share of the slots, against others'.")
    max_running: int | None = Field(default=None, ge=1, description="Tasks given out at a time.")
    max_queued: int | None = Field(default=None, ge=1, description="Jobs that have not ended.")


def policy_of(tenant: str, policies: Mapping[str, TenantPolicy]) -> TenantPolicy:
    """Return what holds for a tenant: its own entry, else that of everyone else, else the defaults."""
    return policies.get(tenant) or policies.get(EVERYONE_ELSE) or TenantPolicy()
