"""The page of one event: what was asked is held against the rules before the store is, and roles see what is theirs."""

from typing import Any
from zoneinfo import ZoneInfo

import pytest

from gateway.audit.trace import tell
from gateway.console.language import Words
from gateway.console.page import Ask, Caller, View
from gateway.console.pages.explain import Answer, end, show
from gateway.console.roles import MARKETERS
from gateway.model.event import Trace
from gateway.model.texts import StorefrontId
from gateway.model.words import Destination, Reason, Refusal, Status
from gateway.outbox.answers import Attempt, Explanation

SHOP = StorefrontId("shop")


def ask(**query: str) -> Ask:
    """Somebody asks."""
    return Ask(
        caller=Caller("mia", MARKETERS, "x"),
        path="/explain",
        query=query,
        storefront=SHOP,
        storefronts=(SHOP,),
        words=Words("en", ZoneInfo("UTC")),
        now=0,
    )


class NoRooms:
    """Whoever touches a room here fails: what cannot be meant is asked of nobody."""

    def __getattr__(self, name: str) -> Any:
        """Fail."""
        raise AssertionError(name)


@pytest.mark.parametrize(
    ("state", "why", "said"),
    [
        ("withdrawn", Reason.REFUNDED, "Refunded in full"),
        ("withdrawn", Reason.WITHDRAWN, "Consent taken back"),
        ("withdrawn", Reason.CONSENT_EXPIRED, "Consent taken back"),
        ("refused", Refusal.REFUNDED, "Refused"),
        ("delivered", Reason.CONFIRMED, "Delivered"),
        ("delivered", Reason.ACCEPTED_FOR_PROCESSING, "Taken for processing"),
        ("dead", Reason.REJECTED, "Failed"),
    ],
)
def test_each_end_is_told_in_its_own_words(state: str, why: Reason | Refusal, said: str) -> None:
    """Over each destination stands its state: what was taken out for its money says nothing of consent, and what the platform
    took for processing is not told as confirmed.
    """
    trace = Trace(Status.ACCEPTED, "1", (), (Destination.META,), (), 0)
    told = tell(Explanation(Status.ACCEPTED, 0, trace, (Attempt(Destination.META, state, why),)))
    assert Words("en", ZoneInfo("UTC")).code(end(told["destinations"]["meta"])) == said


@pytest.mark.parametrize(
    ("query", "status", "fault"),
    [
        ({}, 200, None),
        ({"event_id": "  "}, 200, None),
        ({"event": "refund", "event_id": "1"}, 400, "event"),
        ({"event_id": "<img>"}, 400, "event_id"),
        ({"event_id": "x" * 65}, 400, "event_id"),
    ],
)
async def test_what_cannot_be_meant_is_told_and_not_looked_for(query: dict[str, str], status: int, fault: str | None) -> None:
    """The field is named, and what stood there is not shown again."""
    view = await show(ask(**query), NoRooms())  # type: ignore[arg-type]
    assert isinstance(view, View)
    assert isinstance(view.it, Answer)
    assert (view.status, view.it.fault, view.it.event_id, view.it.asked) == (status, fault, "", False)
