"""Google's page: what its settings allow, whom it refuses, and what it promises about time."""

from typing import Any

import pytest

from gateway.model import Destination
from tests.adapters.cases import ALL_ALLOWED, made

ALLOWED = made(Destination.GOOGLE_ADS, **ALL_ALLOWED[Destination.GOOGLE_ADS])


def test_limits() -> None:
    """Repeats always merge, and only where click ids are sent does an event wait its six hours."""
    limits = made(Destination.GOOGLE_ADS).limits
    assert (limits.batch_events, limits.resend_window, limits.min_age, limits.max_age) == (200, None, 0, 60 * 86_400)
    assert ALLOWED.limits.min_age == 6 * 3600
    assert made(Destination.GOOGLE_ADS, send_click_ids=True, click_hold=0).limits.min_age == 0


def test_the_test_switch_shows() -> None:
    """Validating only is named when it is on, for nothing is taken then."""
    assert made(Destination.GOOGLE_ADS).test_mode is None
    assert made(Destination.GOOGLE_ADS, validate_only=True).test_mode == "validateOnly"


def test_needs_follow_the_settings() -> None:
    """What the settings allow is what the boundary is asked to keep; an address, agent or page cannot be allowed."""
    needs = made(Destination.GOOGLE_ADS, send_email=False, send_click_ids=True).needs
    assert (needs.email, needs.ip, needs.user_agent, needs.page_origin) == (False, False, "none", False)
    assert needs.click_ids == frozenset({"gclid", "wbraid", "gbraid"})


@pytest.mark.parametrize(
    ("wrong", "rule"),
    [
        ({"operating_account": "123-456-7890"}, "10 digits, no hyphens"),
        ({"login_account": "123456789"}, "10 digits, no hyphens"),
        ({"login_account": "12345678901"}, "10 digits, no hyphens"),
        ({"conversion_actions": {"purchase": "customers/1/conversionActions/2"}}, "numeric id"),
        ({"conversion_actions": {"purchase": "1", "add_to_cart": "1"}}, "an action of its own"),
        ({"conversion_actions": {}}, "at least 1"),
        ({"conversion_actions": {"refund": "1"}}, "purchase"),
        ({"max_age_days": 90}, "max_age_days"),
        ({"transaction_ids": "raw"}, "transaction_ids"),
    ],
)
def test_settings_are_checked(wrong: dict[str, Any], rule: str) -> None:
    """An account or action of another shape, a shared action, an unknown kind and an age past Google's are faults."""
    with pytest.raises(ValueError, match=rule):
        made(Destination.GOOGLE_ADS, **wrong)
