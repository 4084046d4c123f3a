"""Explaining: what became of events, for the person who asks, from sightings, lanes and delivered ranges.

Whoever asks for many is answered a slice at a time, so that those who write wait for no more than a slice.
"""

from collections.abc import Sequence
from time import perf_counter
from typing import Final

import msgspec

from gateway.model.texts import EventId, EvidenceId, PlatformCode, Receipt, StorefrontId
from gateway.model.words import Kind, Reason, Status
from gateway.outbox.answers import Attempt, Explanation
from gateway.outbox.engine.asking import Asking
from gateway.outbox.engine.codec import Codec, evidence_place
from gateway.outbox.engine.lanes import Held, LaneState, say
from gateway.outbox.engine.memory import Memory
from gateway.outbox.engine.seen import was_accepted
from gateway.outbox.work import Lane
from gateway.storage import Unreadable
from gateway.storage.file import first

SLICE_SECONDS: Final = 0.003
"""How long one slice may hold the store's thread; the event at which the time is over is still explained."""

MOST_IN_A_SLICE: Final = 64
"""Ids that are looked up at once: what one slice manages of them where nothing has to be fetched from the disk."""


class Explaining:
    """Answers questions about events. Belongs to the store's thread."""

    def __init__(self, memory: Memory, asking: Asking) -> None:
        """Read what the store's thread keeps."""
        self._asking = asking
        self._connection = memory.connection
        self._names = memory.names
        self._lanes = memory.lanes
        self._seen = memory.seen
        self._vault = memory.vault
        self._codec = Codec()

    def explain(self, storefront: StorefrontId, kind: Kind, event_id: EventId) -> Explanation | None:
        """Say what is known of an event, None if nothing."""
        (told,) = self.explain_some(storefront, kind, (event_id,))
        return told

    def explain_some(self, storefront: StorefrontId, kind: Kind, event_ids: Sequence[EventId]) -> list[Explanation | None]:
        """Say the same of the first of these events: as many as a slice has time for, and at least one."""
        until = perf_counter() + SLICE_SECONDS
        hasher = self._seen.hasher(storefront, kind)
        identities = [self._seen.complete(hasher, event_id) for event_id in event_ids[:MOST_IN_A_SLICE]]
        values = self._seen.look_up([key for key, _ in identities])
        told: list[Explanation | None] = []
        for (_, check), value in zip(identities, values, strict=True):
            told.append(self._explain(storefront, check, value))
            if perf_counter() >= until:
                break
        return told

    def _explain(self, storefront: StorefrontId, check: bytes, value: int) -> Explanation | None:
        sighting = self._seen.find(check, value)
        trace = None if sighting is None else self._names.read_trace(sighting.trace)
        if sighting is None or trace is None:
            return None
        refused = tuple(Attempt(destination, "refused", reason) for destination, reason in trace.refused)
        if not was_accepted(value) or sighting.seq is None:
            return Explanation(Status.REFUSED, sighting.at, trace, refused)
        destinations = self._names.table[sighting.sort].destinations
        found = [self._told(Lane(storefront, destination), sighting.seq) for destination in destinations]
        attempts = tuple(attempt for attempt in found if attempt is not None)
        return Explanation(
            Status.ACCEPTED,
            sighting.at,
            trace,
            attempts + refused,
            self._seen.repeats(value),
            self._evidence(sighting.seq),
        )

    def _evidence(self, seq: int) -> EvidenceId | None:
        """Give the consent record that took part in the decision on an event; None if there was none, or it does not open."""
        found = first(self._connection, "select data_key, blob from evidences where seq = ?", (seq,))
        cipher = None if found is None else self._vault.opening(found[0])
        if found is None or cipher is None:
            return None
        try:
            return EvidenceId.unsealed(self._codec.open_plain(cipher, evidence_place(seq), found[1]).decode())
        except Unreadable:
            return None

    def _told(self, lane: Lane, seq: int) -> Attempt | None:
        """Say where an event stands at a destination, and whether it was given back from the dead letters."""
        attempt = self._attempt(lane, seq)
        replays = first(
            self._connection,
            "select n, at from replays where lane = ? and seq = ?",
            (self._lanes.states[lane].number, seq),
        )
        if attempt is None or replays is None:
            return attempt
        return msgspec.structs.replace(attempt, replays=replays[0], replayed_at=replays[1])

    def _attempt(self, lane: Lane, seq: int) -> Attempt | None:
        """Say where an event stands at a destination; None when nothing is remembered of it there any more."""
        state = self._lanes.states[lane]
        return self._exception(state, seq) or self._waiting(state, seq) or self._delivered(state, seq)

    def _exception(self, state: LaneState, seq: int) -> Attempt | None:
        found = first(
            self._connection,
            "select state, due, tries, maybe_since, reason, code, at from exceptions"
            " where lane = ? and state between 0 and 3 and seq = ?",
            (state.number, seq),
        )
        if found is None:
            return None
        held, due, tries, maybe_since, reason, code, at = found
        return Attempt(
            destination=state.lane.destination,
            state=say(Held(held), maybe=maybe_since is not None),
            reason=Reason(reason),
            code=None if code is None else PlatformCode.unsealed(code),
            at=at,
            tries=tries,
            due=int(due) if held == Held.RETRY else None,
        )

    def _waiting(self, state: LaneState, seq: int) -> Attempt | None:
        if not state.needs(seq, seq):
            return None
        times = [mark.since for mark in state.marks if mark.first <= seq <= mark.last]
        if times:
            return Attempt(state.lane.destination, "maybe", at=min(times))
        return Attempt(state.lane.destination, "waiting")

    def _delivered(self, state: LaneState, seq: int) -> Attempt | None:
        found = first(
            self._connection,
            "select at, reason, code, receipt from deliveries"
            " where lane = ? and last >= ? and first <= ? order by last limit 1",
            (state.number, seq, seq),
        )
        if found is None:
            return None
        at, reason, code, named = found
        receipt = None if named is None else Receipt.unsealed(named)
        return Attempt(
            destination=state.lane.destination,
            state="delivered",
            reason=Reason(reason),
            code=None if code is None else PlatformCode.unsealed(code),
            at=at,
            receipt=receipt,
            afterwards=None if receipt is None else self._asking.afterwards(state, receipt),
        )
