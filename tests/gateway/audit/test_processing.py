"""The record of processing: each letter of the article has its place, and nothing is filled in by guessing."""

from typing import Final

from gateway.audit.contracts import Lane, Told, tell_contract
from gateway.audit.processing import Company, Sheet, TimeLimit, record
from gateway.delivery.contract import Contract
from gateway.model.texts import StorefrontId
from gateway.model.words import Destination, Kind
from gateway.outbox.shapes import Departure
from gateway.outbox.work import Lane as OutboxLane
from tests.adapters.cases import SHIPPED

META: Final = OutboxLane(StorefrontId("shop1"), Destination.META)


def told() -> Told:
    """A contract of which two fields left."""
    rows = [
        Departure(1, META, Kind.PURCHASE, path, kind, 3, 60, 120, (1,))
        for path, kind in (("data[].event_id", "event_id"), ("data[].user_data.em[]", "sha256"))
    ]
    return tell_contract(Lane(Contract(SHIPPED[Destination.META]), "ab" * 32, frozenset({"events"}), []), rows, [])


def sheet(company: Company) -> Sheet:
    """What the record is made of."""
    return Sheet(
        "shop1",
        "2026-11-26T00:00:00Z",
        "2026-11-01T00:00:00Z",
        "2026-11-26T00:00:00Z",
        company,
        [TimeLimit(what="x", until="y", bound="z")],
    )


def test_only_what_left_is_a_category_of_data() -> None:
    """By the clause of the policy, with the number of events."""
    found = record(sheet(Company()), [told()])
    assert [(one["policy"], one["kinds"], one["events"]) for one in found["data"]] == [
        ("the event", ["event_id"], 3),
        ("hashed e-mail", ["sha256"], 3),
    ]


def test_what_the_settings_do_not_say_is_not_stated() -> None:
    """None, never a guess."""
    found = record(sheet(Company()), [told()])
    assert set(found["controller"].values()) == {None}
    assert found["recipients"][0]["safeguards"] is None


def test_what_the_settings_say_is_there() -> None:
    """The controller, and what covers a transfer to each recipient."""
    found = record(sheet(Company(name="Boutique SAS", safeguards={Destination.META: "Adequacy decision"})), [told()])
    (recipient,) = found["recipients"]
    assert found["controller"]["name"] == "Boutique SAS"
    assert (recipient["hosts"], recipient["safeguards"], recipient["events"]) == (
        ["graph.facebook.com"],
        "Adequacy decision",
        3,
    )
    assert found["purposes"]
    assert found["persons"]
    assert found["time_limits"]
    assert found["measures"]
