"""What has left, for the privacy team: the ledger of shapes in rows, and how it compares with the contract. Pure.

A row is one key path and kind of value that events of a kind left with. It is new until somebody acknowledged it. Against
the contract stand three questions: what is allowed and was never used (it could be taken out), what was used and is no
longer allowed, and what nobody has looked at yet.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import TypedDict

import msgspec

from gateway.audit.trace import moment
from gateway.delivery.contract import Contract
from gateway.model.words import Destination
from gateway.outbox.shapes import Departure

NEVER_USED = "never used"
NOT_ALLOWED = "not in the contract"
NEW = "new"


class Row(TypedDict):
    """One row of the ledger, JSON-ready. Times are RFC 3339 in UTC; `decision` is None while the row is new."""

    number: int
    storefront: str
    destination: str
    event: str
    path: str
    kind: str
    count: int
    first: str
    last: str
    contracts: list[int]
    decision: str | None
    decided: str | None


class Shapes(TypedDict):
    """The answer of `GET /api/v1/shapes`. `newest` is the highest number there is, 0 if none."""

    rows: list[Row]
    newest: int


class Approval(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The body of `POST /api/v1/shapes/approve`: whose rows were looked at, up to which number, and by which decision."""

    storefront: str
    decision: str
    up_to: int


class Approved(TypedDict):
    """The answer of `POST /api/v1/shapes/approve`: how many rows were new and are not any more."""

    approved: int


class Difference(TypedDict):
    """Where ledger and contract differ. `event` is empty where it concerns every kind of event."""

    storefront: str
    destination: str
    event: str
    path: str
    kind: str
    what: str
    option: str | None


def tell_shapes(departures: Iterable[Departure]) -> Shapes:
    """Write the ledger out."""
    rows = [_row(departure) for departure in departures]
    return Shapes(rows=rows, newest=max((row["number"] for row in rows), default=0))


def _row(departure: Departure) -> Row:
    return Row(
        number=departure.number,
        storefront=departure.lane.storefront,
        destination=departure.lane.destination.value,
        event=departure.kind.value,
        path=departure.path,
        kind=departure.value_kind,
        count=departure.count,
        first=moment(departure.first_at),
        last=moment(departure.last_at),
        contracts=list(departure.contracts),
        decision=departure.decision,
        decided=None if departure.decided_at is None else moment(departure.decided_at),
    )


def compare(storefront: str, rows: Iterable[Row], contracts: Mapping[Destination, Contract]) -> Iterator[Difference]:
    """Hold a storefront's rows against its contracts: never used first, then what is not allowed, then what is new."""
    mine = [row for row in rows if row["storefront"] == storefront]
    met = {(row["destination"], row["path"], row["kind"]) for row in mine}
    allowed = {
        (destination.value, entry.path, entry.kind): entry.option
        for destination, contract in contracts.items()
        for entry in contract.event_entries
    }
    for (destination, path, kind), option in allowed.items():
        if (destination, path, kind) not in met:
            yield Difference(
                storefront=storefront, destination=destination, event="", path=path, kind=kind, what=NEVER_USED, option=option
            )
    for row in mine:
        if (row["destination"], row["path"], row["kind"]) not in allowed:
            yield _difference(row, NOT_ALLOWED)
    for row in mine:
        if row["decision"] is None:
            yield _difference(row, NEW)


def _difference(row: Row, what: str) -> Difference:
    return Difference(
        storefront=row["storefront"],
        destination=row["destination"],
        event=row["event"],
        path=row["path"],
        kind=row["kind"],
        what=what,
        option=None,
    )
