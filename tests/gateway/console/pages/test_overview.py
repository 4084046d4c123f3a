from decimal import Decimal
from typing import Any, cast

import pytest

from gateway.audit.funnel import Funnel, Slot
from gateway.audit.silence import Silence
from gateway.audit.standing import Backlog, BreakerState, CredentialState, LaneState, Readiness, health
from gateway.console.pages.overview import DOWN, HALTED, TROUBLED, UP, overview, standing

NOTHING: Backlog = Backlog(waiting=0, retrying=0, dead=0, oldest=None, first_expiry=None)


def lane(**changed: Any) -> LaneState:
    """A destination that is up, but for what is changed."""
    usual = LaneState(
        up=True,
        reason=None,
        due=None,
        test_mode=None,
        credential=CredentialState(kind="token", state="held", seconds=7),
        throttle=None,
        breaker=BreakerState(state="closed", failures=0),
        canary=None,
        advice=None,
        misconfigured=None,
        violation=None,
        new_shapes=0,
        paused_at=None,
    )
    return cast("LaneState", {**usual, **changed})


def readiness(**lanes: LaneState) -> Readiness:
    """A gateway of one storefront with these destinations."""
    return Readiness(ready=True, why=None, test_endpoints=False, log="signed", lanes={"shop": lanes or {"meta": lane()}})


def slot(received: int, delivered: int) -> Slot:
    """A time in which so many came and arrived at Meta, and as many were taken by Google."""

    def arrival(outcome: str) -> dict[str, Any]:
        confirmed = {"delivered": delivered, "taken": 0} if outcome == "delivered" else {"delivered": 0, "taken": delivered}
        rest = {"withdrawn": 0, "refunded": 0}
        value = {"EUR": {"accepted": "9.00", "delivered": "4.50"}, "USD": {"accepted": "9.00"}}
        return {"accepted": received, "dead": 1, **rest, "value": value, **confirmed}

    return cast(
        "Slot",
        {
            "since": "2026-11-26T00:00:00Z",
            "until": "2026-11-27T00:00:00Z",
            "door": {
                "received": received,
                "accepted": received,
                "refused_for_consent": "<10",
                "refused_otherwise": {},
                "invalid": {},
                "duplicate": 0,
            },
            "destinations": {"meta": arrival("delivered"), "google_ads": arrival("taken")},
        },
    )


def funnel() -> Funnel:
    """A funnel of today, of the hours that are over, and of the same a week ago."""
    return cast("Funnel", {"slots": [slot(12, 5)], "today": slot(10, 4), "week_before": slot(8, 4), "now": {}})


@pytest.mark.parametrize(
    ("changed", "word"),
    [
        ({}, UP),
        ({"up": False, "reason": "credential"}, DOWN),
        ({"up": False, "reason": "paused_by_operator", "paused_at": "2026-11-26T10:00:00Z"}, HALTED),
        ({"reason": "throttled"}, TROUBLED),
        ({"misconfigured": "x"}, TROUBLED),
        ({"violation": ["a"]}, TROUBLED),
        ({"test_mode": "validate_only"}, TROUBLED),
        ({"new_shapes": 3}, UP),
        ({"canary": {"outcome": "well"}}, UP),
        ({"canary": {"outcome": "failed"}}, TROUBLED),
    ],
)
def test_how_a_destination_stands_is_one_word(changed: dict[str, Any], word: str) -> None:
    """Nothing goes there; something does and somebody should look; all is well."""
    assert standing(lane(**changed)) == word


def test_figures_are_of_today_and_compared_hour_by_hour() -> None:
    """The day up to now is shown; what is more or less is said of the hours that are over."""
    now = readiness(meta=lane(), google_ads=lane())
    shown = overview(funnel(), health("shop", now, {"meta": NOTHING, "google_ads": NOTHING}), now, ())
    received, accepted, delivered, failed = shown.figures
    assert (received.today, received.before, received.change) == (12, 8, 0.25)
    assert (accepted.today, delivered.today, failed.today) == (12, 10, 2)
    assert delivered.change == 0


def test_a_figure_without_a_past_is_not_compared() -> None:
    """A shop that is new has no change."""
    told = funnel()
    told["week_before"]["door"]["received"] = 0
    now = readiness()
    assert overview(told, health("shop", now, {"meta": NOTHING}), now, ()).figures[0].change is None


def test_it_is_told_until_when_figures_are_compared() -> None:
    """The hour that has begun is in what is shown and not in what is compared; a day whose first hour runs compares nothing."""
    told, now = funnel(), readiness()
    assert overview(told, health("shop", now, {"meta": NOTHING}), now, ()).until == "2026-11-27T00:00:00Z"
    told["today"]["until"] = told["today"]["since"]
    assert overview(told, health("shop", now, {"meta": NOTHING}), now, ()).until is None


def test_what_became_of_the_day_is_drawn_for_the_door_and_each_platform() -> None:
    """As it is told: a small group is there and has no width."""
    now = readiness(meta=lane(), google_ads=lane())
    shown = overview(funnel(), health("shop", now, {"meta": NOTHING, "google_ads": NOTHING}), now, ())
    assert [(part.tone, part.count) for part in shown.came.parts] == [("good", 12), ("consent", "<10")]
    assert {bar.place: [(part.tone, part.count) for part in bar.parts] for bar in shown.arrived} == {
        "meta": [("good", 5), ("bad", 1)],
        "google_ads": [("taken", 5), ("bad", 1)],
    }


def test_a_destination_shows_what_arrived_by_its_own_word() -> None:
    """What a platform took for processing counts as arrived, in events and in money; nothing is said of a currency of which
    nothing did.
    """
    now = readiness(google_ads=lane(), pinterest=lane(up=False, reason="permission"))
    shown = overview(funnel(), health("shop", now, {"google_ads": NOTHING, "pinterest": NOTHING}), now, ())
    google, pinterest = shown.places
    assert (google.delivered, google.accepted, google.value) == (5, 12, {"EUR": Decimal("4.50")})
    assert (pinterest.standing, pinterest.delivered, pinterest.value) == (DOWN, 0, {})


def test_every_storefront_is_in_one_line_and_what_stopped_is_told() -> None:
    """So that nobody has to look through them one by one."""
    now = readiness()
    now["lanes"]["another"] = {"meta": lane(up=False)}
    silent = Silence(event="purchase", hours=6, received=0, usual=40, last=None)
    shown = overview(funnel(), health("shop", now, {"meta": NOTHING}), now, (silent,))
    assert [(shop.name, shop.places) for shop in shown.shops] == [("another", {"meta": DOWN}), ("shop", {"meta": UP})]
    assert shown.silent == (silent,)
