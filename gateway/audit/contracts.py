"""The contract beside what really left: one row for each thing that may leave, and what the ledger of shapes says of it. Pure.

A field that never left is only called unused if requests of its kind left at all: Google has two interfaces, and a shop uses
one. How often a field was there is what was seen, of the events that left in the same kind of request.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Final, TypedDict

import msgspec

from gateway.audit.trace import moment
from gateway.delivery.contract import Contract
from gateway.delivery.contract_file import ContractFile, Entry, RequestPart
from gateway.model.words import Destination
from gateway.outbox.shapes import Breach, Departure


class Field(TypedDict):
    """One thing that may leave. `seen` of `of` events had it; None where no request of this kind has left.

    `on`: allowed for this storefront, which is always so of a field without an option. `new`: somebody has still to look at it.
    """

    request: str
    path: str
    kind: str
    means: str
    values: list[bool | int | str]
    why: str
    policy: str
    option: str | None
    on: bool
    seen: int
    of: int | None
    first: str | None
    last: str | None
    events: list[str]
    new: bool
    unused: bool


class Request(TypedDict):
    """One kind of request: where it may go and why. `in_use`: the settings make the gateway send it."""

    name: str
    purpose: str
    method: str
    hosts: list[str]
    path: str
    carries_events: bool
    in_use: bool


class Outside(TypedDict):
    """What left and is not allowed any more, under an earlier contract."""

    path: str
    kind: str
    count: int
    last: str
    contracts: list[int]


class BreachTold(TypedDict):
    """What the contract kept from leaving: the key path and the kind of value that stood there, never the value."""

    path: str
    found: str
    contract: int
    count: int
    first: str
    last: str


class Version(TypedDict):
    """A contract that came into force, by the signed log: `entry` is its number there. `kept`: its text is here."""

    version: int
    digest: str
    since: str
    entry: int
    kept: bool


class ApprovalTold(TypedDict):
    """Somebody acknowledged what had left, up to a row of the ledger; `decision` is the SHA-256 of the decision's name."""

    at: str
    entry: int
    by: str
    decision: str
    up_to: int


class Told(TypedDict):
    """One destination's contract for one storefront."""

    destination: str
    title: str
    version: int
    digest: str
    approved_on: str
    approved_by: str
    options: dict[str, str]
    options_on: list[str]
    requests: list[Request]
    fields: list[Field]
    unused: int
    new: int
    not_allowed: list[Outside]
    breaches: list[BreachTold]
    versions: list[Version]


class Contracts(TypedDict):
    """The answer of `GET /api/v1/contracts`."""

    storefront: str
    contracts: list[Told]
    approvals: list[ApprovalTold]


class Lane(msgspec.Struct, frozen=True):
    """What is known of one destination. `in_use` are the names of the requests that the settings make the gateway send."""

    contract: Contract
    digest: str
    in_use: frozenset[str]
    versions: Sequence[Version]


def tell_contract(lane: Lane, departures: Sequence[Departure], breaches: Iterable[Breach]) -> Told:
    """Hold a contract against what left in its lane."""
    file = lane.contract.file
    used = _used(departures)
    allowed = {entry.place for entry in lane.contract.entries}
    fields = [_field(lane, part, entry, used) for part in file.requests for entry in part.fields]
    return Told(
        destination=file.destination,
        title=file.title,
        version=file.version,
        digest=lane.digest,
        approved_on=file.approved_on.isoformat(),
        approved_by=file.approved_by,
        options=dict(file.options),
        options_on=sorted(lane.contract.allowed),
        requests=[_request(part, lane) for part in file.requests],
        fields=fields,
        unused=sum(field["unused"] for field in fields),
        new=sum(use.new for use in used.values()),
        not_allowed=[
            Outside(
                path=place.rpartition("=")[0],
                kind=place.rpartition("=")[2],
                count=use.count,
                last=moment(use.last),
                contracts=sorted(use.contracts),
            )
            for place, use in used.items()
            if place not in allowed
        ],
        breaches=[_breach(breach) for breach in breaches],
        versions=list(lane.versions),
    )


class _Use(msgspec.Struct):
    count: int
    first: int
    last: int
    events: set[str]
    contracts: set[int]
    new: bool


def _used(departures: Iterable[Departure]) -> dict[str, _Use]:
    """Add the ledger's rows up over kinds of event, by `path=kind`."""
    found: dict[str, _Use] = {}
    for row in departures:
        use = found.setdefault(f"{row.path}={row.value_kind}", _Use(0, row.first_at, row.last_at, set(), set(), new=False))
        use.count += row.count
        use.first, use.last = min(use.first, row.first_at), max(use.last, row.last_at)
        use.events.add(row.kind.value)
        use.contracts.update(row.contracts)
        use.new = use.new or row.decision is None
    return found


def _field(lane: Lane, part: RequestPart, entry: Entry, used: Mapping[str, _Use]) -> Field:
    use = used.get(entry.place)
    on = entry.option is None or entry.option in lane.contract.allowed
    in_use = part.name in lane.in_use
    whole = max((found.count for other in part.fields if (found := used.get(other.place)) is not None), default=None)
    return Field(
        request=part.name,
        path=entry.path,
        kind=entry.kind,
        means=entry.value_kind.says,
        values=list(entry.values),
        why=entry.why,
        policy=entry.policy,
        option=entry.option,
        on=on,
        seen=0 if use is None or part.events is None else use.count,
        of=whole if part.events is not None and in_use else None,
        first=None if use is None else moment(use.first),
        last=None if use is None else moment(use.last),
        events=[] if use is None else sorted(use.events),
        new=use is not None and use.new,
        unused=on and in_use and part.events is not None and whole is not None and use is None,
    )


def _request(part: RequestPart, lane: Lane) -> Request:
    return Request(
        name=part.name,
        purpose=part.purpose,
        method=part.method,
        hosts=list(part.hosts),
        path=part.path,
        carries_events=part.events is not None,
        in_use=part.name in lane.in_use,
    )


def _breach(breach: Breach) -> BreachTold:
    return BreachTold(
        path=breach.path,
        found=breach.found,
        contract=breach.contract,
        count=breach.count,
        first=moment(breach.first_at),
        last=moment(breach.last_at),
    )


# ── what changed between two contracts ───────────────────────────────────────────────────────────────────────────


class Change(TypedDict):
    """One difference: `what` is added, removed or changed; `where` names the place; `before` and `after` what stood there.

    `wider`: more may leave than before.
    """

    what: str
    where: str
    before: str | None
    after: str | None
    wider: bool


class Diff(TypedDict):
    """The answer of `GET /api/v1/contracts/diff`: both contracts by version and digest, and every difference."""

    destination: str
    before: Version
    after: Version
    changes: list[Change]


ADDED, REMOVED, CHANGED = "added", "removed", "changed"
HEADING: Final = ("title", "approved_on", "approved_by")


def changes(before: ContractFile, after: ContractFile) -> list[Change]:
    """Name every difference between two contracts, what lets more leave first."""
    found = [
        *_facts(_heading(before), _heading(after), widens=False),
        *_facts(_hosts(before), _hosts(after), widens=True),
        *_facts(_requests(before), _requests(after), widens=True),
        *_facts(_bounds(before), _bounds(after), widens=True),
        *_facts(_fields(before), _fields(after), widens=True),
        *_facts(_reasons(before), _reasons(after), widens=False),
    ]
    return sorted(found, key=lambda change: not change["wider"])


def _facts(before: Mapping[str, str], after: Mapping[str, str], *, widens: bool) -> list[Change]:
    """Compare what stands at each place. `widens`: whatever is added or changed there may let more leave."""
    found = []
    for where in dict.fromkeys((*before, *after)):
        was, now = before.get(where), after.get(where)
        if was != now:
            what = ADDED if was is None else REMOVED if now is None else CHANGED
            found.append(Change(what=what, where=where, before=was, after=now, wider=widens and what != REMOVED))
    return found


def _heading(file: ContractFile) -> dict[str, str]:
    told = {name: str(getattr(file, name)) for name in HEADING}
    return told | {f"options.{name}": says for name, says in file.options.items()} | {"live_check": ", ".join(file.live_check)}


def _hosts(file: ContractFile) -> dict[str, str]:
    return {f"token_hosts {host}": host for host in file.token_hosts} | {
        f"{part.name} host {host}": host for part in file.requests for host in part.hosts
    }


def _requests(file: ContractFile) -> dict[str, str]:
    return {part.name: f"{part.method} {part.path}" for part in file.requests}


def _bounds(file: ContractFile) -> dict[str, str]:
    return {f"{part.name} {name} most": str(most) for part in file.requests for name, most in part.lists.items()}


def _fields(file: ContractFile) -> dict[str, str]:
    return {
        f"{part.name} {entry.place}": f"{entry.value_kind.says}{f'; option {entry.option}' if entry.option else ''}"
        for part in file.requests
        for entry in part.fields
    }


def _reasons(file: ContractFile) -> dict[str, str]:
    return {
        f"{part.name} {entry.place} {name}": text
        for part in file.requests
        for entry in part.fields
        for name, text in (("why", entry.why), ("policy", entry.policy))
    }


# ── for a spreadsheet ────────────────────────────────────────────────────────────────────────────────────────────

COLUMNS: Final = (
    "destination", "version", "request", "path", "kind", "means", "why", "policy", "option", "on", "seen", "of", "first",
    "last", "events", "new", "unused",
)  # fmt: skip


def rows(told: Contracts) -> list[tuple[object, ...]]:
    """Give contracts as rows of a table with these columns."""
    found: list[tuple[object, ...]] = []
    for contract in told["contracts"]:
        for field in contract["fields"]:
            row: dict[str, object] = {**field, "destination": contract["destination"], "version": contract["version"]}
            found.append(tuple(row[name] for name in COLUMNS))
    return found


def by_destination(departures: Iterable[Departure]) -> Mapping[Destination, list[Departure]]:
    """Part a storefront's ledger by destination."""
    found: defaultdict[Destination, list[Departure]] = defaultdict(list)
    for departure in departures:
        found[departure.lane.destination].append(departure)
    return found
