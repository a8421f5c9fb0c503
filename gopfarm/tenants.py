"""What each tenant of a shared farm is entitled to: settings of the operator."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import BaseModel, ConfigDict, Field

from gopfarm.spec import Name

#: The name under which the settings give what holds for tenants that are not named.
EVERYONE_ELSE = "*"

#: The class of tenants that are not named.
OTHER_CLASS = "other"


class TenantPolicy(BaseModel):
    """A tenant's weight and limits.

    Of tenants that all have work waiting, each gets slots in proportion to its weight. Limits count jobs that
    have not ended, and tasks that are queued at workers or running; None is no limit. Metrics tell tenants
    apart by class.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, validate_by_name=True, validate_by_alias=True)

    weight: float = Field(default=1.0, gt=0, le=1e6, description="Share of the slots, against others'.")
    max_running: int | None = Field(default=None, ge=1, description="Tasks given out at a time.")
    max_queued: int | None = Field(default=None, ge=1, description="Jobs that have not ended.")
    class_name: Name | None = Field(
        default=None,
        alias="class",
        description="Under which metrics count it; its own name by default, and other for everyone else.",
    )


def policy_of(tenant: str, policies: Mapping[str, TenantPolicy]) -> TenantPolicy:
    """Return what holds for a tenant: its own entry, else that of everyone else, else the defaults."""
    return policies.get(tenant) or policies.get(EVERYONE_ELSE) or TenantPolicy()


def class_of(tenant: str, policies: Mapping[str, TenantPolicy]) -> str:
    """Return the class under which metrics count a tenant: one of ``classes_of``, whatever its name."""
    own = policies.get(tenant) if tenant != EVERYONE_ELSE else None
    if own is not None:
        return own.class_name or tenant
    everyone = policies.get(EVERYONE_ELSE)
    return (everyone.class_name if everyone else None) or OTHER_CLASS


def classes_of(policies: Mapping[str, TenantPolicy]) -> frozenset[str]:
    """Return all classes that tenants can have: as many as the operator names, and one more."""
    return frozenset(class_of(tenant, policies) for tenant in (*policies, EVERYONE_ELSE))
