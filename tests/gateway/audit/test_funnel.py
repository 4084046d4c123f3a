"""The funnel: what the figures come to, for all events and for one kind, and what is told of few people."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.audit.funnel import NOT_CONSENT, Funnel, Sheet, Slot, funnel
from gateway.audit.periods import Period
from gateway.audit.trace import moment
from gateway.model.texts import PlatformCode
from gateway.model.words import Destination, Kind, Processing, Reason, Refusal, Source, Status
from gateway.outbox.answers import Undelivered, Waiting
from gateway.outbox.history import (
    Accepted,
    DeadWorth,
    Differing,
    DoorWorth,
    Figure,
    Fresh,
    Matched,
    Processed,
    Received,
    Refused,
    RefusedWorth,
    Replayed,
    Settled,
    TurnedAway,
    Worth,
)

NOW = 1_795_342_500
META, GOOGLE = Destination.META, Destination.GOOGLE_ADS
PURCHASE, VIEW = Kind.PURCHASE, Kind.PAGE_VIEW


def came(status: Status, reason: str = "", kind: Kind | None = PURCHASE, source: Source = Source.EVENTS) -> Received:
    """What came in."""
    return Received(source, kind, status, reason)


FIGURES: dict[Figure, int] = {
    came(Status.ACCEPTED): 80,
    came(Status.ACCEPTED, source=Source.COLLECT): 5,
    came(Status.ACCEPTED, kind=VIEW): 15,
    came(Status.DUPLICATE): 7,
    came(Status.REFUSED, "gpc"): 30,
    came(Status.REFUSED, "shopify_denied", kind=VIEW): 20,
    came(Status.REFUSED, "no_identity"): 4,
    came(Status.REFUSED, "not_enabled", kind=VIEW): 2,
    came(Status.INVALID, "missing", kind=None): 3,
    Differing(): 1,
    Matched(PURCHASE, email=True, ip=True, click=False): 60,
    Matched(PURCHASE, email=False, ip=False, click=True): 25,
    Matched(VIEW, email=False, ip=False, click=False): 15,
    TurnedAway(PURCHASE, Refusal.GPC, "EUR"): 28,
    TurnedAway(PURCHASE, Refusal.NO_IDENTITY, "EUR"): 4,
    DoorWorth(PURCHASE, None, "EUR"): 200_000,
    DoorWorth(PURCHASE, Refusal.GPC, "EUR"): 56_000,
    DoorWorth(PURCHASE, Refusal.NO_IDENTITY, "EUR"): 8_000,
    Accepted(META, PURCHASE): 85,
    Accepted(META, VIEW): 15,
    Accepted(GOOGLE, PURCHASE): 85,
    Settled(META, PURCHASE, "delivered", Reason.CONFIRMED): 70,
    Settled(META, VIEW, "delivered", Reason.CONFIRMED): 10,
    Settled(META, PURCHASE, "dead", Reason.REJECTED): 5,
    Settled(META, PURCHASE, "withdrawn", Reason.WITHDRAWN): 3,
    Settled(META, PURCHASE, "withdrawn", Reason.REFUNDED): 12,
    Settled(GOOGLE, PURCHASE, "delivered", Reason.ACCEPTED_FOR_PROCESSING): 80,
    Settled(GOOGLE, PURCHASE, "delivered", Reason.CONFIRMED): 1,
    Processed(GOOGLE, Processing.USED, None): 50,
    Processed(GOOGLE, Processing.NOT_USED, PlatformCode("X")): 2,
    Worth(META, "EUR", "accepted", PURCHASE): 123_456,
    Worth(META, "EUR", "delivered", PURCHASE): 100_000,
    Worth(META, "JPY", "delivered", PURCHASE): 700,
    Worth(META, "EUR", "dead", PURCHASE): 4_500,
    DeadWorth(META, "EUR", PURCHASE, Reason.REJECTED): 3_000,
    DeadWorth(META, "EUR", PURCHASE, None): 1_500,
    Replayed(META): 2,
    Fresh(META, 60): 79,
    Fresh(META, None): 1,
}

UNDELIVERED = (
    Undelivered(META, PURCHASE, 2, 2, 1, {"EUR": 6_000, "JPY": 700}, {"EUR": 1_250}),
    Undelivered(META, VIEW, 1, 0, 0, {}, {}),
    Undelivered(GOOGLE, PURCHASE, 0, 0, 4, {"EUR": 90}, {"EUR": 90}),
)


def made(figures: dict[Figure, int], kind: Kind | None = None, smallest: int = 10) -> Funnel:
    """A funnel of one day with these figures."""
    day = Period(NOW, NOW + 86_400, figures)
    empty = Period(NOW, NOW, {})
    waiting = {META: Waiting(3, 2, 1, NOW), GOOGLE: Waiting(0, 0, 0, None)}
    sheet = Sheet("shop", "day", "UTC", (day, Period(NOW + 86_400, NOW + 90_000, {})), day, empty, waiting, UNDELIVERED)
    return funnel(sheet, kind, smallest)


def test_the_door_tells_consent_apart_from_the_rest() -> None:
    """Refusals for consent, for identity or policy, and what was invalid, each by reason."""
    assert made(FIGURES)["total"]["door"] == {
        "received": 166,
        "accepted": 100,
        "duplicate": 7,
        "differing_repeats": 1,
        "refused_for_consent": 50,
        "consent_reasons": {"gpc": 30, "shopify_denied": 20},
        "refused_otherwise": {"no_identity": 4, "not_enabled": 2},
        "invalid": {"missing": 3},
        "opt_in": 0.667,
        "matched": {"email": 60, "ip": 60, "click": 25, "none": 15},
        "accepted_value": {"EUR": "2000.00"},
        "refused_value": {"EUR": {"gpc": "560.00", "no_identity": "80.00"}},
    }


def test_a_destination_tells_what_became_of_its_events() -> None:
    """In events and in money; what was confirmed apart from what was only taken for processing."""
    destinations = made(FIGURES)["total"]["destinations"]
    nothing = {"for_consent": 0, "consent_reasons": {}, "otherwise": {}, "value": {}}
    assert destinations["meta"] == {
        "refused": nothing,
        "refused_alone": nothing,
        "accepted": 100,
        "delivered": 80,
        "taken": 0,
        "processed": {},
        "dead": 5,
        "withdrawn": "<10",
        "refunded": 12,
        "replayed": 2,
        "reasons": {"delivered.confirmed": 80, "dead.rejected": 5},
        "value": {"EUR": {"accepted": "1234.56", "dead": "45.00", "delivered": "1000.00"}, "JPY": {"delivered": "700"}},
        "dead_value": {"EUR": {"not_noted": "15.00", "rejected": "30.00"}},
        "fresh": {"60": 79, "later": 1},
    }
    google = destinations["google_ads"]
    assert (google["accepted"], google["delivered"], google["taken"]) == (85, 1, 80)
    assert google["processed"] == {"used": 50, "not_used.X": 2}


def test_what_one_destination_alone_was_refused_is_told_with_its_value() -> None:
    """By reason, consent apart from the rest; what went nowhere stands by itself, and of one kind of event if that is asked."""
    figures: dict[Figure, int] = {
        Refused(META, PURCHASE, Refusal.NO_IDENTITY, "EUR", alone=True): 2,
        RefusedWorth(META, PURCHASE, Refusal.NO_IDENTITY, "EUR", alone=True): 5_000,
        Refused(META, PURCHASE, Refusal.VENDOR_DENIED, "EUR", alone=True): 12,
        RefusedWorth(META, PURCHASE, Refusal.VENDOR_DENIED, "EUR", alone=True): 30_000,
        Refused(META, PURCHASE, Refusal.GPC, "EUR", alone=False): 40,
        RefusedWorth(META, PURCHASE, Refusal.GPC, "EUR", alone=False): 100_000,
    }
    meta = made(figures)["total"]["destinations"]["meta"]
    assert meta["refused_alone"] == {
        "for_consent": 12,
        "consent_reasons": {"vendor_denied": 12},
        "otherwise": {"no_identity": 2},
        "value": {"EUR": {"no_identity": "50.00", "vendor_denied": "300.00"}},
    }
    assert (meta["refused"]["for_consent"], meta["refused"]["value"]) == (40, {"EUR": {"gpc": "1000.00"}})
    assert made(figures, VIEW)["total"]["destinations"]["meta"]["refused_alone"]["for_consent"] == 0


def test_the_value_of_a_small_group_is_not_told() -> None:
    """Neither of few people, nor of the few among many who paid in another currency."""
    figures: dict[Figure, int] = {
        Refused(META, PURCHASE, Refusal.GPC, "EUR", alone=False): 9,
        RefusedWorth(META, PURCHASE, Refusal.GPC, "EUR", alone=False): 9_000,
    }
    few = made(figures)["total"]["destinations"]["meta"]["refused"]
    assert few == {"for_consent": "<10", "consent_reasons": {"others": "<10"}, "otherwise": {}, "value": {}}
    figures[Refused(META, PURCHASE, Refusal.GPC, "USD", alone=False)] = 20
    figures[RefusedWorth(META, PURCHASE, Refusal.GPC, "USD", alone=False)] = 40_000
    many = made(figures)["total"]["destinations"]["meta"]["refused"]
    assert (many["for_consent"], many["value"]) == (29, {"USD": {"gpc": "400.00"}})


def test_what_few_were_refused_at_the_door_is_not_told_in_money() -> None:
    """Not of few people, nor of the few among many who paid in another currency; the few are added up with others."""
    figures: dict[Figure, int] = {
        came(Status.REFUSED, "gpc"): 40,
        TurnedAway(PURCHASE, Refusal.GPC, "EUR"): 31,
        DoorWorth(PURCHASE, Refusal.GPC, "EUR"): 31_000,
        TurnedAway(PURCHASE, Refusal.GPC, "USD"): 9,
        DoorWorth(PURCHASE, Refusal.GPC, "USD"): 90_000,
    }
    assert made(figures)["total"]["door"]["refused_value"] == {"EUR": {"gpc": "310.00"}}
    assert made(figures, VIEW)["total"]["door"]["refused_value"] == {}
    figures |= {
        came(Status.REFUSED, "cmp_denied"): 3,
        TurnedAway(PURCHASE, Refusal.CMP_DENIED, "EUR"): 3,
        DoorWorth(PURCHASE, Refusal.CMP_DENIED, "EUR"): 3_000,
    }
    door = made(figures)["total"]["door"]
    assert (door["consent_reasons"], door["refused_value"]) == ({"others": 43}, {"EUR": {"others": "340.00"}})


def test_one_kind_is_told_apart() -> None:
    """What is not counted by kind is left out then."""
    slot = made(FIGURES, VIEW)["total"]
    assert (slot["door"]["accepted"], slot["door"]["refused_for_consent"], slot["door"]["invalid"]) == (15, 20, {})
    assert slot["door"]["differing_repeats"] == 0
    meta = slot["destinations"]["meta"]
    assert (meta["accepted"], meta["delivered"], meta["value"], meta["fresh"], meta["replayed"]) == (15, 10, {}, {}, 0)
    assert slot["destinations"]["google_ads"]["accepted"] == 0


def test_lines_and_what_waits_are_there() -> None:
    """A line for each period, an empty one too, and the backlog as of now."""
    told = made(FIGURES)
    assert [slot["since"] for slot in told["slots"]] == [moment(NOW), moment(NOW + 86_400)]
    assert told["slots"][1]["door"]["received"] == 0
    assert (told["total"]["since"], told["total"]["until"]) == (moment(NOW), moment(NOW + 90_000))
    assert told["today"]["door"] == told["total"]["door"]
    assert told["week_before"]["door"]["received"] == 0


def test_what_is_undelivered_is_told_with_its_order_value() -> None:
    """What was not tried yet apart from what is to be tried again; where no record is, no value of one that died unread."""
    now = made(FIGURES)["now"]
    assert now["meta"] == {
        "waiting": 3,
        "retrying": 2,
        "dead": 1,
        "oldest": moment(NOW),
        "waiting_value": {"EUR": "60.00", "JPY": "700"},
        "retrying_value": {"EUR": "12.50"},
    }
    assert (now["google_ads"]["waiting_value"], now["google_ads"]["retrying_value"]) == ({}, {})


def test_what_is_undelivered_of_one_kind_is_told_apart() -> None:
    """Since when is only known of all kinds together."""
    nothing: dict[str, Any] = {
        "waiting": 0,
        "retrying": 0,
        "dead": 0,
        "oldest": None,
        "waiting_value": {},
        "retrying_value": {},
    }
    assert made(FIGURES, VIEW)["now"] == {"meta": {**nothing, "waiting": 1}, "google_ads": nothing}
    purchases = made(FIGURES, PURCHASE)["now"]
    assert (purchases["meta"]["waiting"], purchases["meta"]["waiting_value"]["EUR"]) == (2, "60.00")
    assert purchases["google_ads"]["dead"] == 4


def test_the_dead_of_one_kind_are_told_with_their_value() -> None:
    """By what they died of; a replay may take more out than died, and what comes to nothing is not told."""
    figures: dict[Figure, int] = {
        DeadWorth(META, "EUR", PURCHASE, Reason.EXPIRED): -200,
        DeadWorth(META, "EUR", VIEW, Reason.EXPIRED): 200,
        DeadWorth(META, "USD", VIEW, Reason.REJECTED): 0,
    }
    told = [made(figures, kind)["total"]["destinations"]["meta"]["dead_value"] for kind in (PURCHASE, VIEW, None)]
    assert told == [{"EUR": {"expired": "-2.00"}}, {"EUR": {"expired": "2.00"}}, {}]


def test_few_who_refused_are_not_told() -> None:
    """Nor can they be had from what is told: not from the sum, not from the rate, not from another reason."""
    few: dict[Figure, int] = {came(Status.ACCEPTED): 40, came(Status.REFUSED, "gpc"): 3}
    door = made(few)["total"]["door"]
    assert (door["received"], door["refused_for_consent"], door["opt_in"]) == (40, "<10", None)
    assert door["consent_reasons"] == {"others": "<10"}
    door = made({**few, came(Status.REFUSED, "cmp_denied"): 20, came(Status.REFUSED, "no_consent"): 50})["total"]["door"]
    assert (door["received"], door["refused_for_consent"]) == (113, 73)
    assert door["consent_reasons"] == {"no_consent": 50, "others": 23}


@pytest.mark.parametrize("reason", Refusal)
def test_every_refusal_is_of_consent_or_known_not_to_be(reason: Refusal) -> None:
    """What is not on the list of the others is treated as consent: small groups of it are not told."""
    door = made({came(Status.REFUSED, reason): 3})["total"]["door"]
    assert (door["refused_for_consent"] == "<10") is (reason not in NOT_CONSENT)
    assert (door["refused_otherwise"] == {reason: 3}) is (reason in NOT_CONSENT)


def test_a_replay_takes_its_letter_back() -> None:
    """In the hour in which it happens, though it died in another."""
    meta = made({Settled(META, PURCHASE, "dead", Reason.REJECTED): -2, Replayed(META): 2})["total"]["destinations"]["meta"]
    assert (meta["dead"], meta["reasons"], meta["replayed"]) == (-2, {"dead.rejected": -2}, 2)


COUNTS = st.dictionaries(
    st.sampled_from([came(Status.REFUSED, reason) for reason in Refusal] + [came(status) for status in (Status.ACCEPTED,)]),
    st.integers(1, 60),
)


def numbers(slot: Slot) -> list[Any]:
    """All that is told of people's decisions."""
    door = slot["door"]
    return [door["refused_for_consent"], *door["consent_reasons"].values()]


def took_out(people: int, refunds: int, **minor: int) -> dict[Figure, int]:
    """What was taken out at one platform, and what it was worth by currency."""
    return {
        Settled(META, PURCHASE, "withdrawn", Reason.WITHDRAWN): people,
        Settled(META, PURCHASE, "withdrawn", Reason.REFUNDED): refunds,
        **{Worth(META, currency, "withdrawn", PURCHASE): amount for currency, amount in minor.items()},
        Worth(META, "EUR", "accepted", PURCHASE): 900_000,
    }


@pytest.mark.parametrize(
    ("people", "refunds", "minor", "told"),
    [
        (1, 0, {"EUR": 12_990}, {}),  # the order of one person who took their consent back
        (1, 40, {"EUR": 512_990}, {}),  # nor beside refunds: how many those were is told, and what they were worth is known
        (9, 0, {"EUR": 90_000}, {}),
        (10, 0, {"EUR": 90_000}, {"EUR": "900.00"}),
        (12, 0, {"EUR": 90_000, "USD": 4_000}, {}),  # one of them may be alone in dollars
        (0, 1, {"EUR": 12_990}, {"EUR": "129.90"}),  # a refund says nothing of what anybody decided
        (0, 2, {"EUR": 12_990, "USD": 4_000}, {"EUR": "129.90", "USD": "40.00"}),
    ],
)
def test_what_few_people_took_back_is_not_told_in_money(
    people: int, refunds: int, minor: dict[str, int], told: dict[str, str]
) -> None:
    """The value of one order says whose it is as well as its number would."""
    value = made(took_out(people, refunds, **minor))["total"]["destinations"]["meta"]["value"]
    assert {currency: sums["withdrawn"] for currency, sums in value.items() if "withdrawn" in sums} == told
    assert value["EUR"]["accepted"] == "9000.00"


@given(COUNTS)
def test_no_number_tells_of_few(figures: dict[Figure, int]) -> None:
    """Whatever the figures: each number of those who refused is of ten at least, or nought."""
    for number in numbers(made(figures)["total"]):
        assert number in {"<10", 0} or number >= 10
