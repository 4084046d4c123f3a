"""Reviving: looking through a lane's dead letters, and giving chosen ones back to its courier.

A revived letter becomes an exception that is due now, with its content, its tries and its doubt as they were, in the
transaction that also takes it out of the books' dead: so the accounts add up at every moment. Whether it may really go is
asked when it is claimed, as of every record. A letter that is no longer as it was looked at is left alone, so reviving
twice does nothing twice.
"""

from collections.abc import Sequence

from gateway.model.texts import PlatformCode
from gateway.model.words import Reason
from gateway.outbox.answers import DeadLetter
from gateway.outbox.engine.books import DEAD
from gateway.outbox.engine.claims import Found, Part, single_part
from gateway.outbox.engine.lanes import Held, LaneState
from gateway.outbox.engine.memory import Memory
from gateway.outbox.history import REPLAYED
from gateway.outbox.work import Lane, Origin, Record
from gateway.storage.file import every


class Reviving:
    """Looks, opens and revives. Belongs to the store's thread."""

    def __init__(self, memory: Memory) -> None:
        """Work on what the store's thread keeps."""
        self._connection = memory.connection
        self._names = memory.names
        self._vault = memory.vault
        self._lanes = memory.lanes
        self._latest = memory.latest
        self._books = memory.books

    def look(self, lane: Lane, after: int, limit: int) -> tuple[DeadLetter, ...]:
        """Give up to `limit` dead letters beyond number `after`, in order; none of a lane that never was."""
        state = self._lanes.states.get(lane)
        if state is None:
            return ()
        rows = every(
            self._connection,
            "select seq, sort, reason, code, at, accepted_at, coalesce("
            "(select n from replays where lane = exceptions.lane and seq = exceptions.seq), 0)"
            " from exceptions where lane = ? and state = ? and seq > ? order by seq limit ?",
            (state.number, Held.DEAD, after, limit),
        )
        return tuple(
            DeadLetter(
                seq=seq,
                kind=self._names.table[sort].kind,
                reason=Reason(reason),
                code=None if code is None else PlatformCode.unsealed(code),
                died_at=at,
                accepted_at=accepted_at,
                replays=replays,
            )
            for seq, sort, reason, code, at, accepted_at, replays in rows
        )

    def find(self, lane: Lane, seqs: Sequence[int]) -> Found:
        """Find dead letters' own copies, to be opened; those that are gone, or whose content never opened, are left out."""
        state = self._lanes.states[lane]
        parts = [part for seq in seqs for part in self._part(state, seq)]
        return Found(Origin.AGAIN, upto=0, parts=tuple(parts), marks=(), table=self._names.table)

    def _part(self, state: LaneState, seq: int) -> list[Part]:
        rows = every(
            self._connection,
            "select seq, sort, data_key, blob, accepted_at, tries, maybe_since from exceptions"
            " where lane = ? and state = ? and seq = ? and blob is not null",
            (state.number, Held.DEAD, seq),
        )
        return [single_part(state, self._vault, row) for row in rows]

    def revive(self, lane: Lane, letters: Sequence[tuple[DeadLetter, Record]], now: int) -> frozenset[int]:
        """Give letters back to the lane's courier, due at `now` (Unix seconds); gives the numbers of those that were."""
        state = self._lanes.states[lane]
        revived = [(letter, record) for letter, record in letters if self._revive(state, letter, now)]
        if revived:
            self._books.at(now)
            self._account(state, revived)
            self._latest.add(state.number, [letter.seq for letter, _ in revived])
            state.dead -= len(revived)
            state.retrying += len(revived)
            self._lanes.refresh_retry(state)
            self._lanes.touched.add(state)
        return frozenset(letter.seq for letter, _ in revived)

    def _revive(self, state: LaneState, letter: DeadLetter, now: int) -> bool:
        """Give one back, if it is still the letter that was looked at."""
        self._connection.execute(
            "update exceptions set state = ?, due = ?"
            " where lane = ? and state = ? and seq = ? and at = ? and reason = ? and blob is not null",
            (Held.RETRY, now, state.number, Held.DEAD, letter.seq, letter.died_at, letter.reason),
        )
        if not self._connection.changes():
            return False
        self._connection.execute(
            "insert into replays(lane, seq, at, n) values (?, ?, ?, 1) on conflict do update set at = excluded.at, n = n + 1",
            (state.number, letter.seq, now),
        )
        return True

    def _account(self, state: LaneState, revived: Sequence[tuple[DeadLetter, Record]]) -> None:
        """Take the revived out of the dead, in events and in money, to what is to be tried again."""
        storefront, destination = state.storefront, state.lane.destination
        self._books.add(len(revived), storefront, REPLAYED, destination)
        for letter, record in revived:
            self._books.end(-1, storefront, destination, letter.kind, record.event.money, DEAD, letter.reason)
            self._books.retry(1, storefront, destination, letter.kind, record.event.money)

    def discard(self, state: LaneState, now: int, kept_seconds: int) -> int:
        """Forget replays of longer ago than `kept_seconds` whose event is held for nothing any more; gives how many."""
        self._connection.execute(
            "delete from replays where lane = ? and at <= ? and not exists (select 1 from exceptions"
            " where lane = replays.lane and state between 0 and 3 and seq = replays.seq)",
            (state.number, now - kept_seconds),
        )
        return self._connection.changes()
