"""The dead letters' page: what a replay would do, added up, and orders that cannot be meant."""

from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from gateway.audit.letters import LotTold, list_dead
from gateway.console.language import Words
from gateway.console.page import Ask, Caller, Form
from gateway.console.pages.dead_letters import Filter, Kept, filter_of, judged, order_of
from gateway.console.roles import OPERATORS
from gateway.delivery.letters import Dead
from gateway.model.texts import StorefrontId
from gateway.model.words import Destination, Kind, Reason
from gateway.office.leafing import Wanted

SHOP = StorefrontId("shop")
ASK = Ask(
    caller=Caller("oli", OPERATORS, "x"),
    path="/dead-letters",
    query={},
    storefront=SHOP,
    storefronts=(SHOP,),
    words=Words("en", ZoneInfo("UTC")),
    now=0,
)
MEANT = {"destination": "meta", "event": "purchase", "reason": "rejected"}


def lot(count: int, against: str | None = None, **value: str) -> LotTold:
    """Letters that fare alike."""
    return LotTold(event="purchase", reason="rejected", code=None, against=against, count=count, value=value)


def died(destination: Destination, reason: Reason) -> Dead:
    """A letter of a purchase that died so."""
    return Dead(destination, Kind.PURCHASE, reason, None, 1, 0, 0, 0)


LETTERS = list_dead(
    [
        died(Destination.PINTEREST, Reason.REJECTED),
        died(Destination.META, Reason.REJECTED),
        died(Destination.META, Reason.EXPIRED),
    ]
)["letters"]


@pytest.mark.parametrize(
    ("meant", "found"),
    [
        (Wanted(), ["pinterest rejected", "meta rejected", "meta expired"]),
        (Wanted(Destination.META), ["meta rejected", "meta expired"]),
        (Wanted(reason=Reason.REJECTED), ["pinterest rejected", "meta rejected"]),
        (Wanted(Destination.PINTEREST, Reason.EXPIRED), []),
    ],
)
def test_only_letters_that_are_meant_are_shown(meant: Wanted, found: list[str]) -> None:
    """Of one destination, of one reason, of both, or all."""
    chosen = filter_of(LETTERS, meant, bad=False)
    assert [f"{one['destination']} {one['reason']}" for one in LETTERS if chosen.means(one)] == found


def test_what_lies_there_can_be_chosen_and_what_is_chosen_stays() -> None:
    """Destinations in the platforms' order, reasons by the alphabet; also where no such letter lies there."""
    chosen = filter_of(LETTERS, Wanted(Destination.GOOGLE_ADS, Reason.TIMED_OUT), bad=False)
    assert chosen.destinations == ("meta", "pinterest", "google_ads")
    assert chosen.reasons == ("expired", "rejected", "timed_out")
    assert filter_of([], Wanted(), bad=True) == Filter("", "", (), (), bad=True)


def test_what_would_go_is_added_up_and_what_would_not_is_named() -> None:
    """Over all slices, by currency and by what stands against it."""
    tried = judged(
        "meta",
        "purchase",
        "rejected",
        [lot(2, EUR="10.00"), lot(1, EUR="5.50", USD="1"), lot(4, "expired"), lot(1, "expired")],
        more=True,
    )
    assert (tried.going, tried.value) == (3, {"EUR": Decimal("15.50"), "USD": Decimal(1)})
    assert (tried.kept, tried.more) == ((Kept("expired", 5),), True)


def test_an_order_means_letters_of_one_kind_that_died_alike() -> None:
    """Of the storefront that is looked at, whatever else the form says."""
    order = order_of(ASK, Form({**MEANT, "storefront": "other"}), dry_run=False)
    assert order is not None
    assert (order.storefront, order.destination, order.event, order.reasons) == (
        "shop",
        Destination.META,
        Kind.PURCHASE,
        [Reason.REJECTED],
    )
    assert not order.dry_run


@pytest.mark.parametrize("field", MEANT)
def test_what_cannot_be_meant_is_no_order(field: str) -> None:
    """An unknown word, or none."""
    assert order_of(ASK, Form({**MEANT, field: "x"}), dry_run=True) is None
    assert order_of(ASK, Form({name: text for name, text in MEANT.items() if name != field}), dry_run=True) is None
