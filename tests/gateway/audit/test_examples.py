"""An event as it came beside an event as it left: every declared field has a fate."""

from typing import Any, Final

import msgspec

from gateway.audit.examples import WAYS, example, examples, fields_of
from gateway.model.event import Trace
from gateway.model.money import Money
from gateway.model.texts import EventId, StorefrontId
from gateway.model.words import Destination, Kind, Remark, Signal, Source, State, Status
from gateway.outbox.shapes import Input, Output, Shape
from gateway.outbox.work import Lane
from gateway.raw import RawEvent

META: Final = Destination.META
SHAPE: Final = Shape("data[].event_id=event_id data[].event_name=one_of data[].user_data.em[]=sha256 header:accept=one_of")
WHOLE: Final = RawEvent(
    Kind.PURCHASE, EventId("1"), 1, page_url="u", email="e", email_sha256={META: "x"}, ip="i", user_agent="a", country="FR",
    region="r", money=Money(1, "EUR"), content_ids=("c",), click={"fbc": "x"}, consent={}, minor=True,
)  # fmt: skip


def came(fields: tuple[str, ...], *remarks: Remark, allowed: tuple[Destination, ...] = (META,)) -> Input:
    """Make an event as it came."""
    bits = sum(1 << remark for remark in remarks)
    trace = Trace(Status.ACCEPTED, "r", ((Signal.ADVERTISING, State.GRANTED),), allowed, (), bits)
    return Input(Kind.PURCHASE, Source.EVENTS, 60, 400, 1, fields, 2, trace)


def fate(name: str, *remarks: Remark, allowed: tuple[Destination, ...] = (META,)) -> Any:
    """Say what became of one field."""
    told = example(came((name,), *remarks, allowed=allowed), META, Output(Kind.PURCHASE, 90, SHAPE, 210, 1))
    (field,) = told["fields"]
    return field["fate"], field["left_as"]


def test_every_declared_field_is_named_and_has_a_way() -> None:
    """An event with everything in it names them all."""
    assert set(fields_of(WHOLE)) == set(WAYS)


def test_every_field_of_a_raw_event_is_in_the_names() -> None:
    """A field that is added to the raw event must be added here: these are not the event's content."""
    own = {"set_to_now", "gpc_header", "unknown", "edge", "kind", "event_id", "occurred_at"}
    told = {field.name for field in msgspec.structs.fields(RawEvent)} - own
    known = {
        "page_url",
        "email",
        "email_sha256",
        "ip",
        "user_agent",
        "country",
        "region",
        "money",
        "content_ids",
        "click",
        "consent",
        "minor",
    }
    assert told == known


def test_a_fate_is_what_the_boundary_said() -> None:
    """Transformed, kept as it came, used up."""
    assert fate("customer.email", Remark.EMAIL_HASHED) == ("transformed", ["data[].user_data.em[]"])
    assert fate("event_id") == ("kept", ["data[].event_id"])
    assert fate("consent", Remark.CONSENT_SIGNALS_REMOVED) == ("removed", [])


def test_what_this_platform_does_not_get_is_removed_for_it() -> None:
    """Though the boundary kept it for another."""
    assert fate("client.ip", Remark.IP_TRUNCATED) == ("removed", [])
    assert fate("client.user_agent", Remark.USER_AGENT_REMOVED) == ("removed", [])


def test_sizes_and_fields_are_told_of_both_sides() -> None:
    """Undeclared fields are counted with those that came; headers are not fields of the event."""
    told = example(came(("event", "event_id")), META, Output(Kind.PURCHASE, 90, SHAPE, 210, 1))
    assert (told["bytes_in"], told["bytes_out"], told["fields_in"], told["fields_out"]) == (400, 210, 4, 3)


def test_what_has_not_left_yet_is_told_without_its_other_side() -> None:
    """One example for each destination."""
    told = examples(
        "shop1", [came(("event",))], [(Lane(StorefrontId("shop1"), META), Output(Kind.PAGE_VIEW, 9, SHAPE, 1, 1))], [META]
    )
    assert [(one["destination"], one["left_at"], one["bytes_out"]) for one in told["examples"]] == [("meta", None, None)]
