"""The line: one raw event in, one outbox entry out, through every room in order and no other way.

    RawEvent ─admit─▶ Consented ─minimise─▶ Minimised ─refuses?─▶ Accept
        │               │                                 │
  Malformed, Unfit    Refuse                            Refuse (no identity for anybody)

Pure: time is handed in. The only place where the rooms above and below the boundary meet.
"""

from collections.abc import Callable
from functools import lru_cache
from typing import NamedTuple

from gateway.adapter import Adapter
from gateway.consent.decision import Consented, Decision, admit
from gateway.consent.evidence import Evidence, cited, cites
from gateway.consent.policy import Policy
from gateway.minimise import Wanted, minimise, wanted
from gateway.model.event import Minimised, Trace
from gateway.model.texts import PersonKey, StorefrontId
from gateway.model.words import Destination, Refusal, Signal, Source, State, Status
from gateway.outbox.entries import Accept, Entry, Refuse, Reject
from gateway.persons import Persons
from gateway.raw import Malformed, RawEvent, Unfit

Refused = tuple[tuple[Destination, Refusal], ...]


@lru_cache(maxsize=1024)
def _accepted(
    rule: str, signals: tuple[tuple[Signal, State], ...], allowed: tuple[Destination, ...], refused: Refused, remarks: int
) -> Trace:
    """Few distinct ones exist, and the store finds the number of one that it has met sooner than that of one that is equal."""
    return Trace(Status.ACCEPTED, rule, signals, allowed, refused, remarks)


class Crossing(NamedTuple):
    """What is the same for all events that go to the same destinations: what these need, and how to ask them."""

    want: Wanted
    ask: tuple[Callable[[Minimised], Refusal | None], ...]


class Line:
    """One storefront's line: its consent policy, its adapters in the order of `Destination`, its own origins."""

    def __init__(
        self,
        storefront: StorefrontId,
        policy: Policy,
        adapters: dict[Destination, Adapter],
        origins: frozenset[str],
        persons: Persons,
    ) -> None:
        self.storefront = storefront
        self.policy = policy
        self.persons = persons
        self._rule = policy.rule
        self._adapters = adapters
        self._origins = origins
        self._enabled = tuple(d for d in Destination if d in adapters)
        self._crossings: dict[tuple[Destination, ...], Crossing] = {}

    @property
    def enabled(self) -> tuple[Destination, ...]:
        """The storefront's destinations."""
        return self._enabled

    @property
    def origins(self) -> frozenset[str]:
        """The storefront's own origins."""
        return self._origins

    @property
    def want(self) -> Wanted:
        """What its destinations need of an event that goes to all of them."""
        return (self._crossings.get(self._enabled) or self._crossing(self._enabled)).want

    def keys_of(self, event: RawEvent | Unfit | Malformed) -> tuple[PersonKey, ...]:
        """Give keyed hashes of all that an event cites: what its record can be found by, and later the event by its person."""
        if type(event) is not RawEvent or not cites(event.consent):
            return ()
        key, storefront = self.persons.key, self.storefront
        return tuple([key(storefront, kind, text) for kind, text in cited(event.consent) or ()])

    def run(
        self,
        event: RawEvent | Unfit | Malformed,
        source: Source,
        now: int,
        evidence: Evidence | None = None,
        persons: tuple[PersonKey, ...] | None = None,
    ) -> Entry:
        """Carry one event from the door to the outbox's edge. `now` is the time of receipt in Unix seconds.

        `evidence` is what the consent records say that the event cites, None if it cites none or none was found. `persons`
        is what `keys_of` says of it, for whoever has asked already; the event is known by that and by what finds the records.
        """
        if isinstance(event, Malformed):
            return Reject(self.storefront, source, event.kind, event.fault, now)
        if isinstance(event, Unfit):
            trace = Trace(Status.REFUSED, self._rule, (), (), tuple((d, event.why) for d in self._enabled), 0)
            return Refuse(self.storefront, source, event.kind, event.event_id, trace, event.why, now)
        admitted = admit(event, self.policy, self._enabled, now, evidence)
        if isinstance(admitted, Decision):
            return self._refuse(event, admitted, admitted.refused, source, now)
        known = self.keys_of(event) if persons is None else persons
        if evidence is not None:
            known = tuple(dict.fromkeys((*known, *evidence.persons)))
        minimised, remarks, refused = self._across(admitted, known)
        if minimised is None:
            return self._refuse(event, admitted.decision, refused, source, now)
        trace = _accepted(self._rule, admitted.decision.signals, minimised.destinations, refused, remarks)
        return Accept(self.storefront, source, minimised, trace, now, admitted.decision.granted_at)

    def _across(self, consented: Consented, persons: tuple[PersonKey, ...]) -> tuple[Minimised | None, int, Refused]:
        """Minimise for those who may have the event, ask each whether it can use what is left, and narrow down."""
        allowed, refused = consented.decision.allowed, consented.decision.refused
        crossing = self._crossings.get(allowed) or self._crossing(allowed)
        event, remarks = minimise(consented, allowed, crossing.want, self._origins, persons)
        for refuses in crossing.ask:
            if refuses(event) is not None:
                break
        else:
            return event, remarks, refused
        unusable = [(d, why) for d in allowed if (why := self._adapters[d].refuses(event)) is not None]
        refused = (*refused, *unusable)
        left = tuple(d for d in allowed if d not in dict(unusable))
        if not left:
            return None, remarks, refused
        crossing = self._crossings.get(left) or self._crossing(left)
        event, remarks = minimise(consented, left, crossing.want, self._origins, persons)
        return event, remarks, refused

    def _crossing(self, destinations: tuple[Destination, ...]) -> Crossing:
        adapters = [self._adapters[d] for d in destinations]
        want = wanted({adapter.destination: adapter.needs for adapter in adapters})
        made = self._crossings[destinations] = Crossing(want, tuple(adapter.refuses for adapter in adapters))
        return made

    def _refuse(self, event: RawEvent, decision: Decision, refused: Refused, source: Source, now: int) -> Refuse:
        trace = Trace(Status.REFUSED, self._rule, decision.signals, (), refused, 0)
        reason = refused[0][1] if refused else Refusal.NOT_ENABLED
        return Refuse(self.storefront, source, event.kind, event.event_id, trace, reason, now, event.money)
