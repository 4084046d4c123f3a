"""A conversion before it is written out: its order id and its one click id."""

import pytest
from hypothesis import given

from adapters.google_conversion import Conversion, click_of, transaction_id
from gateway.model.event import ClickIds
from gateway.model.texts import EmailDigest, EventId, GoogleClickId
from gateway.model.words import Kind
from tests.adapters.cases import EVENT_IDS, born


@given(one=EVENT_IDS, other=EVENT_IDS)
def test_transaction_ids_do_not_meet(one: EventId, other: EventId) -> None:
    """Different events have different transaction ids, of Google's alphabet and length, and never a bare number."""
    ids = transaction_id(one), transaction_id(other)
    assert (ids[0] == ids[1]) is (one == other)
    for made_id in ids:
        assert 2 <= len(made_id) <= 64
        assert set(made_id) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-")
        assert not made_id.isdecimal()


@given(EVENT_IDS)
def test_a_transaction_id_cannot_be_taken_by_another_event(event_id: EventId) -> None:
    """An event whose id is another's transaction id gets one of its own, unless it is the same event."""
    taken = transaction_id(event_id)
    assert taken == event_id or transaction_id(EventId(taken)) != taken


@pytest.mark.parametrize(
    ("event_id", "expected"),
    [
        ("10042", "o-10042"),
        ("2", "o-2"),
        ("A-10042", "A-10042"),
        ("row-2", "row-2"),
        ("9" * 62, "o-" + "9" * 62),
        ("9" * 63, "h-480e29227f57d7ec2d9284bac6bf14f9"),
        ("o-10042", "h-4f89d283037f3251a37d8d8e233e8fb7"),
        ("Z", "h-bbeebd879e1dff6918546dc0c179fdde"),
    ],
)
def test_transaction_ids(event_id: str, expected: str) -> None:
    """Transaction ids are what they have always been: a change here would count conversions twice."""
    assert transaction_id(EventId(event_id)) == expected


@pytest.mark.parametrize(("given_ids", "chosen"), [
    ((), None),
    (("gclid", "wbraid", "gbraid"), "gclid"),
    (("wbraid", "gbraid"), "wbraid"),
    (("gbraid",), "gbraid"),
])  # fmt: skip
def test_one_click_id_is_chosen(given_ids: tuple[str, ...], chosen: str | None) -> None:
    """Of several click ids one is told, the one of the ad click itself before the web's and the apps' stand-ins."""
    ids = born(ClickIds, {name: f"{name}-synthetic" for name in given_ids})
    assert click_of(ids) == (None if chosen is None else (chosen, f"{chosen}-synthetic"))


def test_without_a_click_there_is_none() -> None:
    """An event without any click ids has none to choose from."""
    assert click_of(None) is None


def test_a_conversion_prints_as_nothing() -> None:
    """Hashed and cut values are personal data still: a conversion shows none of them."""
    made = Conversion(
        kind=Kind.PURCHASE,
        action="1",
        transaction_id="canary-1",
        occurred_at=1,
        personalised=False,
        email=EmailDigest("ab" * 32),
        click=("gclid", GoogleClickId("canary-click-id")),
        money=None,
    )
    assert repr(made) == "<Conversion>"
