"""The contract beside what left, and what changed between two."""

from typing import Any, Final

from gateway.audit.contracts import COLUMNS, Contracts, Lane, changes, rows, tell_contract
from gateway.audit.sheets import written
from gateway.delivery.contract import Contract
from gateway.delivery.contract_file import ContractFile
from gateway.model.texts import StorefrontId
from gateway.model.words import Destination, Kind
from gateway.outbox.shapes import Breach, Decision, Departure
from gateway.outbox.work import Lane as OutboxLane
from tests.adapters.cases import SHIPPED

META: Final = OutboxLane(StorefrontId("shop1"), Destination.META)
GOOGLE: Final = SHIPPED[Destination.GOOGLE_ADS]


def departure(path: str, kind: str, count: int = 3, decision: str | None = "DPO", event: Kind = Kind.PURCHASE) -> Departure:
    """Make a row of the ledger."""
    decided = None if decision is None else Decision(decision)
    return Departure(1, META, event, path, kind, count, 60, 120, (1,), decision=decided)


def lane(file: ContractFile = SHIPPED[Destination.META], allowed: tuple[str, ...] = (), used: str = "events") -> Lane:
    """Make a lane whose settings send one kind of request."""
    return Lane(Contract(file, allowed), "ab" * 32, frozenset({used}), [])


def field(told: Any, path: str, kind: str) -> Any:
    """Find a field's row."""
    return next(one for one in told["fields"] if (one["path"], one["kind"]) == (path, kind))


def test_a_field_says_how_many_of_the_events_had_it() -> None:
    """Added up over kinds of event; of all that left with the commonest field."""
    rows = [departure("data[].event_id", "event_id"), departure("data[].event_id", "event_id", 4, event=Kind.PAGE_VIEW)]
    told = tell_contract(lane(), [*rows, departure("data[].user_data.em[]", "sha256", 2, None)], [])
    em = field(told, "data[].user_data.em[]", "sha256")
    assert (em["seen"], em["of"], em["new"], em["unused"], em["events"]) == (2, 7, True, False, ["purchase"])
    assert told["new"] == 1


def test_what_never_left_is_unused_only_where_something_left() -> None:
    """A shop that has sent nothing yet is not told to strike everything out."""
    assert tell_contract(lane(), [], [])["unused"] == 0
    told = tell_contract(lane(), [departure("data[].event_id", "event_id")], [])
    assert field(told, "data[].user_data.em[]", "sha256")["unused"]


def test_a_request_that_the_settings_never_send_is_not_unused() -> None:
    """Google's other interface: its fields are no finding."""
    names = [part.name for part in GOOGLE.requests if part.events is not None]
    assert len(names) > 1
    told = tell_contract(lane(GOOGLE, used=names[0]), [departure("events[].transactionId", "event_id")], [])
    assert not any(one["unused"] for one in told["fields"] if one["request"] != names[0])


def test_an_option_that_is_off_is_neither_on_nor_unused() -> None:
    """It is on once the storefront turns it on."""
    left = [departure("data[].event_id", "event_id")]
    off, on = (
        field(tell_contract(lane(allowed=which), left, []), "data[].user_data.fbc", "meta_click_id")
        for which in ((), ("click_id",))
    )
    assert (off["on"], off["unused"]) == (False, False)
    assert (on["on"], on["unused"]) == (True, True)


def test_what_left_under_an_earlier_contract_is_told() -> None:
    """With the versions that allowed it."""
    (outside,) = tell_contract(lane(), [departure("data[].user_data.ph[]", "sha256")], [])["not_allowed"]
    assert (outside["path"], outside["count"], outside["contracts"]) == ("data[].user_data.ph[]", 3, [1])


def test_what_was_kept_back_is_told_by_path_and_kind() -> None:
    """With how often and when."""
    (told,) = tell_contract(lane(), [], [Breach(META, "data[].event_id", "email", 1, 2, 60, 120)])["breaches"]
    assert told == {
        "path": "data[].event_id",
        "found": "email",
        "contract": 1,
        "count": 2,
        "first": "1970-01-01T00:01:00Z",
        "last": "1970-01-01T00:02:00Z",
    }


def test_a_row_has_the_tables_columns_and_no_formula_once_it_is_written() -> None:
    """A spreadsheet program runs what begins as one; the writer of all tables sees to it."""
    file = SHIPPED[Destination.META].model_copy(deep=True)
    entry = file.requests[0].fields[0].model_copy(update={"why": "=HYPERLINK(1)"})
    part = file.requests[0].model_copy(update={"fields": (entry, *file.requests[0].fields[1:])})
    told = tell_contract(lane(file.model_copy(update={"requests": (part,)})), [], [])
    table = rows(Contracts(storefront="shop1", contracts=[told], approvals=[]))
    assert {len(row) for row in table} == {len(COLUMNS)}
    assert "'=HYPERLINK(1)" in written(COLUMNS, table[:1])


def test_a_contract_does_not_differ_from_itself() -> None:
    """Nothing is told."""
    assert all(changes(file, file) == [] for file in SHIPPED.values())


def test_a_difference_is_named_and_what_lets_more_leave_comes_first() -> None:
    """A new version with one field less, one more, another host and another reason."""
    before = SHIPPED[Destination.PINTEREST]
    part = before.requests[0]
    first, second, *rest = part.fields
    more = first.model_copy(update={"path": "data[].user_data.ph[]", "kind": "sha256", "values": ()})
    changed = second.model_copy(update={"why": "Another reason."})
    after = before.model_copy(
        update={
            "version": 2,
            "requests": (
                part.model_copy(update={"hosts": (*part.hosts, "evil.example"), "fields": (more, changed, *rest)}),
                *before.requests[1:],
            ),
        }
    )
    told = [(one["what"], one["where"], one["wider"]) for one in changes(before, after)]
    assert told[:2] == [
        ("added", "events host evil.example", True),
        ("added", "events data[].user_data.ph[]=sha256", True),
    ]
    assert ("removed", f"events {first.place}", False) in told
    assert ("changed", f"events {second.place} why", False) in told
