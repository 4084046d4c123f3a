"""What would happen to this event, and what exactly would leave: the line, the adapters, the contract, and nothing after.

Nothing is stored, sent, counted, recorded or logged. There is no second path: the pasted event is read by the same source,
runs the same line, is built by the same adapter and checked by the same contract as one that comes in by the door. What only
the store knows is left out: whether the id came before, and whether the person has withdrawn. Access tokens are made up; the
answer shows bodies only, with kinds in place of values unless these are asked for: a hash of an address is personal data.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from enum import unique
from typing import Any, Final, TypedDict

import msgspec

from gateway.adapter import Adapter, Request
from gateway.audit.advice import in_words
from gateway.audit.kinds import exact, in_kinds
from gateway.audit.trace import moment, remarks
from gateway.delivery.clocks import Time
from gateway.delivery.contract import Cleared, Contract, Outgoing, Violation
from gateway.delivery.outgoing import compose
from gateway.delivery.screening import Rules, screen
from gateway.line import Line
from gateway.model.event import Minimised, Trace
from gateway.model.texts import StorefrontId
from gateway.model.words import Destination, Fault, Reason, Refusal, Source, Status, Word
from gateway.outbox.entries import Accept, Entry, Refuse, Reject
from gateway.outbox.work import Dead, Lane, Later, Record, Withdrawn
from gateway.raw import Malformed, RawEvent, Unfit
from gateway.secret import Secret
from gateway.sources.native import Connection, NotAnEvent, TooManyEvents, decode
from gateway.sources.strict import Unreadable

MADE_UP: Final = Secret("not-a-secret")
LEAVES_OUT: Final = "Not looked at: whether this id came before, and whether the person has withdrawn."


@unique
class Sender(Word):
    """As whom the event is tried."""

    SERVER = "server"
    BROWSER = "browser"


class Browser(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a browser's own connection would say; it takes the place of what the event says of `client`."""

    ip: str | None = None
    user_agent: str | None = None
    gpc: bool = False

    def __repr__(self) -> str:
        """Say nothing of what is inside."""
        return "<Browser>"


class Order(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename={"sender": "as"}):
    """The body of `POST /api/v1/dry-run`. `event` is as it would be posted to `/v1/events`; one, not a list."""

    storefront: str
    event: msgspec.Raw
    sender: Sender = Sender.SERVER
    browser: Browser = Browser()
    exact: bool = False

    def __repr__(self) -> str:
        """Say nothing of what is inside."""
        return "<Order>"


class WayTold(TypedDict):
    """What would happen at one destination. `body` is the request's JSON, None where nothing would leave.

    `left` is the shape in which it would leave; `violation` what the contract would keep it back for.
    """

    goes: bool
    reason: str | None
    advice: str | None
    method: str | None
    address: str | None
    bytes: int | None
    body: Any
    left: list[str]
    violation: list[str]
    contract: int | None


class DryRunTold(TypedDict):
    """The answer of `POST /api/v1/dry-run`. `consent_at` is when the consent was given, as far as it says so."""

    status: str
    reason: str | None
    field: str | None
    rule: str
    signals: dict[str, str]
    fields: list[str]
    evidence: str | None
    consent_at: str | None
    occurred_at: str | None
    exact: bool
    destinations: dict[str, WayTold]
    unknown: dict[str, int]
    leaves_out: str


class Way(msgspec.Struct, frozen=True):
    """What a destination's requests are made of; `secrets` are the names of what stands beside its token."""

    adapter: Adapter
    base_url: str
    contract: Contract
    rules: Rules
    secrets: tuple[str, ...] = ()


Run = Callable[[Line, Sequence[RawEvent | Unfit | Malformed], Source, int], Awaitable[list[Entry]]]
"""Carries events down the line with what the consent records say that they cite (`Consents.run`)."""


class DryRun:
    """Tries events out. Raises `outbox.Unavailable` when the ledger is shut."""

    def __init__(self, lines: Mapping[StorefrontId, Line], ways: Mapping[Lane, Way], run: Run) -> None:
        self._lines = lines
        self._ways = ways
        self._run = run

    async def try_out(self, storefront: StorefrontId, order: Order, now: int) -> DryRunTold | Fault:
        """Say what would happen to an event at `now` (Unix seconds); a Fault for what is not one event at all."""
        line, browser = self._lines[storefront], order.browser
        connection = Connection(browser.ip, browser.user_agent, browser.gpc) if order.sender is Sender.BROWSER else None
        try:
            batch = decode(bytes(order.event), now, connection)
        except (Unreadable, NotAnEvent):
            return Fault.BAD_FORMAT
        except TooManyEvents:
            return Fault.TOO_LONG
        if len(batch.events) != 1:
            return Fault.NOT_ONE_OF
        source = Source.COLLECT if connection is not None else Source.EVENTS
        (entry,) = await self._run(line, batch.events, source, now)
        return self._told(line, batch.events[0], entry, order.exact, dict(batch.unknown), now)

    def _told(  # noqa: PLR0913, PLR0917 - an event and its entry, part by part
        self, line: Line, said: RawEvent | Unfit | Malformed, entry: Entry, values: bool, unknown: dict[str, int], now: int
    ) -> DryRunTold:
        trace, reason, field = None, None, None
        ways: dict[str, WayTold] = {}
        event: Minimised | None = None
        match entry:
            case Reject():
                reason, field = entry.fault.value, said.field if isinstance(said, Malformed) else None
            case Refuse():
                trace, reason = entry.trace, entry.reason.value
            case Accept():
                trace, event = entry.trace, entry.event
                ways = {d.value: self._way(Lane(line.storefront, d), event, values, now) for d in trace.allowed}
        if trace is not None:
            ways |= {d.value: _refused(d, why) for d, why in trace.refused}
        status = Status.INVALID if trace is None else trace.status
        return DryRunTold(
            status=status.value,
            reason=reason,
            field=field,
            rule=line.policy.rule if trace is None else trace.rule,
            signals=_signals(trace),
            fields=[] if trace is None else list(remarks(trace.remarks)),
            evidence=None if event is None else event.evidence,
            consent_at=None if event is None else moment(event.consent_at),
            occurred_at=None if event is None else moment(event.occurred_at),
            exact=values,
            destinations=ways,
            unknown=unknown,
            leaves_out=LEAVES_OUT,
        )

    def _way(self, lane: Lane, event: Minimised, values: bool, now: int) -> WayTold:
        """Tell what would leave."""
        way = self._ways[lane]
        tried = try_way(way, event, Time(now, now, now))
        request, checked, reason = tried.request, tried.checked, tried.reason
        entries = way.contract.entries_for(tried.outgoing)
        return WayTold(
            goes=reason is None,
            reason=None if reason is None else reason.value,
            advice=None if reason is None else in_words(lane.destination, reason, None),
            method=request.method,
            address=f"{way.base_url}{request.path.partition('?')[0]}",
            bytes=len(request.body),
            body=None if isinstance(checked, Violation) else exact(request.body) if values else in_kinds(request.body, entries),
            left=[] if isinstance(checked, Violation) else str(checked.shapes[0]).split(),
            violation=[str(place) for place in checked.places] if isinstance(checked, Violation) else [],
            contract=way.contract.file.version,
        )


class Tried(msgspec.Struct, frozen=True):
    """What an event would leave as, and why it would not; the contract's word is in `checked`."""

    request: Request
    outgoing: Outgoing
    checked: Cleared | Violation
    reason: Reason | None

    def __repr__(self) -> str:
        """Say nothing of what is inside."""
        return "<Tried>"


def try_way(way: Way, event: Minimised, time: Time) -> Tried:
    """Build what would leave and hold it against the contract, as the courier does with an event that it claims at `time`."""
    going, settled = screen([Record(1, int(time.wall), event)], {}, way.rules, time)
    request = way.adapter.build([event])
    access = way.adapter.access(MADE_UP, dict.fromkeys(way.secrets, MADE_UP))
    outgoing = compose(way.base_url, request, access)
    checked = way.contract.check(outgoing, 1)
    reason = _reason(settled[0]) if settled and not going else None
    return Tried(request, outgoing, checked, Reason.CONTRACT if isinstance(checked, Violation) else reason)


def _reason(settlement: Dead | Later | Withdrawn | object) -> Reason:
    match settlement:
        case Dead(_, reason) | Withdrawn(_, reason) | Later(_, reason):
            return reason
        case _:
            raise TypeError("what does not go is dead, later or withdrawn")


def _refused(destination: Destination, reason: Refusal) -> WayTold:
    return WayTold(
        goes=False,
        reason=reason.value,
        advice=in_words(destination, reason, None),
        method=None,
        address=None,
        bytes=None,
        body=None,
        left=[],
        violation=[],
        contract=None,
    )


def _signals(trace: Trace | None) -> dict[str, str]:
    said: dict[str, list[str]] = {}
    for signal, state in () if trace is None else trace.signals:
        said.setdefault(signal.value, []).append(state.value)
    return {signal: ", ".join(states) for signal, states in said.items()}
