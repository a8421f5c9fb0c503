from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from gopfarm.settings import Settings
from gopfarm.tenants import TenantPolicy, class_of, classes_of

NAMES = st.text("ab*", min_size=1, max_size=2)
POLICIES = st.dictionaries(
    NAMES, st.builds(TenantPolicy, class_name=st.none() | st.sampled_from(["gold", "free"])), max_size=4
)


@given(NAMES | st.text(max_size=20), POLICIES)
def test_a_tenant_s_class_is_always_one_that_the_operator_has_named(
    tenant: str, policies: dict[str, TenantPolicy]
) -> None:
    assert class_of(tenant, policies) in classes_of(policies)
    assert len(classes_of(policies)) <= len(policies) + 1


def test_classes_are_read_from_the_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GOPFARM_TENANTS", '{"school": {"class": "education"}, "museum": {"weight": 2}}')
    tenants = Settings().tenants
    assert class_of("school", tenants) == "education"
    assert class_of("museum", tenants) == "museum"
    assert class_of("anybody", tenants) == "other"
    assert class_of("anybody", {**tenants, "*": TenantPolicy(class_name="public")}) == "public"


@pytest.mark.parametrize("name", ["", "a b", "-", "x" * 65, "a\n"])
def test_what_is_no_class_is_refused(name: str) -> None:
    with pytest.raises(ValidationError):
        TenantPolicy.model_validate({"class": name})
