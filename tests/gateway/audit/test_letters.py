"""Dead letters as people and programs are told of them."""

import json

from gateway.audit.advice import advise
from gateway.audit.letters import AGAINST, list_dead, tell_slice
from gateway.delivery.letters import Dead, Lot, Slice
from gateway.model.texts import PlatformCode
from gateway.model.words import Destination, Kind, Reason
from tests.strategies import NOW

META = Destination.META
CODE = PlatformCode("100/2804050")


def test_the_dead_are_listed_with_what_to_do() -> None:
    """Counts, times in UTC, codes, and the advice for each; and how many there are in all."""
    dead = [
        Dead(META, Kind.PURCHASE, Reason.REJECTED, CODE, 3, NOW, NOW + 5, 1),
        Dead(Destination.PINTEREST, Kind.PAGE_VIEW, Reason.EXPIRED, None, 2, NOW, NOW, 0),
    ]
    listing = list_dead(dead)
    assert json.loads(json.dumps(listing)) == listing
    assert listing["total"] == 5
    advice = advise(META, Reason.REJECTED, CODE)
    assert listing["letters"][0] == {
        "destination": "meta",
        "event": "purchase",
        "reason": "rejected",
        "code": "100/2804050",
        "count": 3,
        "first_at": "2026-11-22T10:15:00Z",
        "last_at": "2026-11-22T10:15:05Z",
        "replayed_before": 1,
        "what": advice.what,
        "do": advice.do,
    }
    assert listing["letters"][1]["code"] is None
    assert list_dead([]) == {"total": 0, "letters": []}


def test_a_slice_is_told_with_exact_money() -> None:
    """In major units, with each currency's own places, also beyond what one event may be worth."""
    lots = (
        Lot(Kind.PURCHASE, Reason.REJECTED, CODE, None, 2, {"EUR": 123456, "JPY": 1500, "KWD": 1}),
        Lot(Kind.PURCHASE, Reason.REJECTED, None, Reason.EXPIRED, 1, {"EUR": 10**12}),
    )
    told = tell_slice(Slice(3, 77, lots))
    assert json.loads(json.dumps(told)) == told
    assert (told["looked_at"], told["next"]) == (3, 77)
    assert told["lots"] == [
        {
            "event": "purchase",
            "reason": "rejected",
            "code": "100/2804050",
            "against": None,
            "count": 2,
            "value": {"EUR": "1234.56", "JPY": "1500", "KWD": "0.001"},
        },
        {
            "event": "purchase",
            "reason": "rejected",
            "code": None,
            "against": "expired",
            "count": 1,
            "value": {"EUR": "10000000000.00"},
        },
    ]


def test_whatever_stands_against_a_replay_has_words() -> None:
    """Each reason that screening can give a letter, and that it could not be read."""
    assert set(AGAINST) == {
        Reason.WITHDRAWN,
        Reason.CONSENT_EXPIRED,
        Reason.EXPIRED,
        Reason.AMBIGUOUS_EXPIRED,
        Reason.CONFIGURATION,
        Reason.UNSEALABLE,
    }
