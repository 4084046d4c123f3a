"""Sweeping: what is beyond its retention is deleted, a bounded piece in each transaction.

What is told of an event goes with the last sighting of it; keys go with what they seal.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Final
from zoneinfo import ZoneInfo

import msgspec

from gateway.model.texts import StorefrontId
from gateway.model.words import Reason
from gateway.outbox.engine.asking import Asking
from gateway.outbox.engine.books import LYING
from gateway.outbox.engine.claims import Finder, Opener, Unread
from gateway.outbox.engine.lanes import Held, LaneState
from gateway.outbox.engine.memory import Memory
from gateway.outbox.engine.refunds import REFUNDS_DAYS
from gateway.outbox.engine.reviving import Reviving
from gateway.outbox.engine.sendings import Sendings
from gateway.outbox.engine.settling import TOLD_SECONDS, Fates, Settling
from gateway.outbox.engine.sieve import SLICES
from gateway.outbox.work import Dead, Record
from gateway.storage import Swept
from gateway.storage.file import every, one
from gateway.storage.vault import DAY_SECONDS

SWEEP_ROUND_SECONDS: Final = DAY_SECONDS // 2
"""The index of sightings is swept once in this time."""

KEYS_KEPT_SECONDS: Final = 2 * DAY_SECONDS
STOREFRONTS_AT_ONCE: Final = 50
"""Storefronts swept in one transaction: with three lanes each some ten milliseconds."""
EXCEPTIONS_AT_ONCE: Final = 2_000
"""Dead letters of a lane, or withdrawn ones, deleted in one transaction: some twenty milliseconds."""
_SWEEP_EXCEPTIONS: Final = (
    "delete from exceptions where lane = ? and state = ? and seq in"
    " (select seq from exceptions where lane = ? and state = ? and due <= ? order by due limit ?) returning sort"
)
TRACES_KEPT_DAYS: Final = 10
_BURIED_AT_ONCE: Final = 500
PARKED_SECONDS: Final = 7 * DAY_SECONDS
"""How long an event waits for a destination that was taken out of the settings to come back: the shortest age limit there is.
Then it is a dead letter, which can be given back for as long as those are kept."""
_MOST_LINES: Final = 20_000


class Retention(msgspec.Struct, frozen=True, kw_only=True):
    """How long is kept: what was sent of whom, dead letters, and who has withdrawn, since that was last heard of.

    `figures_days`: how long figures of days are. `zones`: the storefronts' time zones; UTC for those that are not in it.
    """

    sendings_days: int = 395
    dead_days: int = 14
    withdrawals_days: int = 1095
    figures_days: int = 395
    zones: Mapping[StorefrontId, ZoneInfo] = {}


class Sweeping:
    """Deletes what is beyond its retention. Belongs to the store's thread."""

    def __init__(  # noqa: PLR0913 - the parts that know what they keep, given by name
        self,
        memory: Memory,
        retention: Retention,
        *,
        asking: Asking,
        finder: Finder,
        reviving: Reviving,
        sendings: Sendings,
        settling: Settling,
    ) -> None:
        """Work on what the store's thread keeps."""
        self._retention = retention
        self._connection = memory.connection
        self._names = memory.names
        self._vault = memory.vault
        self._books = memory.books
        self._figures = memory.figures
        self._grounds = memory.grounds
        self._lanes = memory.lanes
        self._refunds = memory.refunds
        self._seen = memory.seen
        self._subjects = memory.subjects
        self._asking = asking
        self._finder = finder
        self._reviving = reviving
        self._sendings = sendings
        self._settling = settling

    def sweep(self, now: int) -> tuple[Sequence[int], Counter[Swept]]:
        """Delete what is beyond its retention, but for `sweep_sightings` and `sweep_storefronts`.

        Gives the slices of the index that it is time to sweep, and what went.
        """
        gone: Counter[Swept] = Counter()
        gone[Swept.REFUNDS] += self._refunds.discard(now - REFUNDS_DAYS * DAY_SECONDS)
        gone[Swept.FIGURES] += self._grounds.discard(now - self._retention.figures_days * DAY_SECONDS)
        gone[Swept.INQUIRIES] += self._asking.discard(now - TOLD_SECONDS, now)
        gone[Swept.SENT] += self._sendings.discard(now - self._retention.sendings_days * DAY_SECONDS)
        gone[Swept.TRACES] += self._names.discard(now // DAY_SECONDS - TRACES_KEPT_DAYS)
        self._vault.discard(now - KEYS_KEPT_SECONDS)
        swept_at, swept_to = one(self._connection, "select swept_at, swept_to from meta")
        share = (now - swept_at) / SWEEP_ROUND_SECONDS if swept_at else 0
        count = min(SLICES, max(1, round(share * SLICES)))
        self._connection.execute("update meta set swept_at = ?, swept_to = ?", (now, (swept_to + count) % SLICES))
        return [(swept_to + i) % SLICES for i in range(count)], gone

    def sweep_sightings(self, now: int, following: int) -> tuple[bool, Counter[Swept]]:
        """Delete the next sightings that no repeat can meet any more, and what is told of their events.

        Says whether there are more, and gives what went. `following`: the number that the next event gets.
        """
        more = self._seen.discard(now)
        self._connection.execute("delete from evidences where seq < ?", (self._seen.first_seq(following),))
        return more, Counter({Swept.EVIDENCE: self._connection.changes()})

    def sweep_storefronts(self, after: int, now: int, following: int) -> tuple[int | None, Counter[Swept]]:
        """Delete what is beyond its retention of the next storefronts, those with a number beyond `after`; 0 is the first.

        Gives the number after which to go on, None once there are no more, and what went.
        """
        gone: Counter[Swept] = Counter()
        told_from, options = self._seen.first_seq(following), self._retention
        numbers = sorted(number for number in self._names.storefronts.values() if number > after)
        for number in numbers[:STOREFRONTS_AT_ONCE]:
            for state in self._lanes.of(number):
                if self._sweep_lane(state, told_from, now, gone):
                    return number - 1, gone
            gone[Swept.WITHDRAWALS] += self._subjects.discard(number, now - options.withdrawals_days * DAY_SECONDS)
            zone = options.zones.get(self._names.name(number))
            gone[Swept.FIGURES] += self._figures.fold(number, zone, now, options.figures_days)
        more = len(numbers) > STOREFRONTS_AT_ONCE
        return numbers[STOREFRONTS_AT_ONCE - 1] if more else None, gone

    def _sweep_lane(self, state: LaneState, told_from: int, now: int, gone: Counter[Swept]) -> bool:
        """Delete what is beyond its retention of a lane; say whether that was too much for one transaction."""
        self._connection.execute(
            "delete from deliveries where lane = ? and last < ? and last <= coalesce("
            "(select last from deliveries where lane = ? order by last limit 1 offset ?), ?)",
            (state.number, told_from, state.number, _MOST_LINES, told_from),
        )
        gone[Swept.OUTCOMES] += self._connection.changes()
        if state.cursor is None and self._bury_parked(state, now):
            return True
        for held, what in ((Held.DEAD, Swept.DEAD_LETTERS), (Held.WITHDRAWN, Swept.WITHDRAWN)):
            if held is Held.WITHDRAWN and state.robbed and state.cursor is not None:
                continue  # the claim under way may have some of these: should the clock leap, its settlement still has to know
            rows = every(self._connection, _SWEEP_EXCEPTIONS, (state.number, held, state.number, held, now, EXCEPTIONS_AT_ONCE))
            gone[what] += len(rows)
            if rows and held is Held.DEAD:
                state.dead -= len(rows)
                self._lanes.touched.add(state)
                for (sort,), count in Counter(rows).items():
                    self._books.hold(-count, state.storefront, LYING, state.lane.destination, self._names.table[sort].kind)
            if len(rows) == EXCEPTIONS_AT_ONCE:
                return True
        gone[Swept.REPLAYS] += self._reviving.discard(state, now, self._retention.dead_days * DAY_SECONDS)
        return False

    def _bury_parked(self, state: LaneState, now: int) -> bool:
        """Let the oldest of what is parked die once it waited for long enough; say whether there may be more of that."""
        found = self._finder.find_parked(state, now - PARKED_SECONDS, _BURIED_AT_ONCE)
        if found is None:
            return False
        taken = Opener().open_now(found)
        items: tuple[Record | Unread, ...] = (*taken.records, *taken.unread)
        fates: Fates = [(item, Dead(item.seq, Reason.DESTINATION_REMOVED)) for item in items]
        self._settling.settle(state.lane, taken, fates, {}, now)
        return len(items) == _BURIED_AT_ONCE
