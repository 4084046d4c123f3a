"""Replaying: dead letters are chosen, judged and given back to their couriers, a bounded slice at a time.

A slice is one transaction and remembers nothing, so a replay can be cut off anywhere and run again: what was given back is
dead no more, and what was not is found again. The order of the letters is that of their numbers, and a letter that dies
anew keeps its number, so a run ends.
"""

from collections.abc import Mapping
from typing import Final

from gateway.delivery.clocks import Time
from gateway.delivery.letters import Dead, Judged, Order, Slice, chosen, judge, lots
from gateway.delivery.screening import Rules
from gateway.delivery.watcher import Watcher
from gateway.model.texts import PlatformCode, StorefrontId
from gateway.model.words import Destination, Kind, Reason
from gateway.outbox import Outbox
from gateway.outbox.work import Lane

SLICE: Final = 500
"""Letters looked at for one order: a few milliseconds' work, and one short transaction."""

COUNTED_AT_A_TIME: Final = 2_000


class Replayer:
    """Replays the dead letters of these lanes, held against their rules (of which `since` is `ALWAYS_ASKED`).

    `watcher` is told what was given back; over a closed store there is nobody to tell.
    """

    def __init__(self, outbox: Outbox, rules: Mapping[Lane, Rules], watcher: Watcher | None = None) -> None:
        """Keep the rules."""
        self._outbox = outbox
        self._watcher = watcher
        self._rules = rules

    async def replay(self, order: Order, now: float) -> Slice | None:
        """Look at one slice and give back, unless it is a dry run, what may go at `now` (Unix seconds).

        None when there is no such lane. A letter that changed while it was looked at is in no lot. Raises Unavailable.
        """
        lane = next(
            (known for known in self._rules if known == Lane(StorefrontId.unsealed(order.storefront), order.destination)), None
        )
        if lane is None:
            return None
        letters = await self._outbox.dead_letters(lane, order.after, SLICE)
        meant = chosen(letters, order)
        opened = await self._outbox.open_letters(lane, meant)
        judged = judge(meant, opened, self._rules[lane], Time(now, now, now))
        if not order.dry_run:
            judged = await self._revive(lane, judged, int(now))
        return Slice(len(letters), letters[-1].seq if len(letters) == SLICE else None, lots(judged))

    async def _revive(self, lane: Lane, judged: list[Judged], now: int) -> list[Judged]:
        """Give back what nothing stands against; leaves out what was not as it had been looked at."""
        going = [(one.letter, one.record) for one in judged if one.against is None and one.record is not None]
        revived = await self._outbox.revive(lane, going, now)
        kept = [one for one in judged if one.against is not None or one.letter.seq in revived]
        if self._watcher is not None:
            for lot in lots(one for one in kept if one.against is None):
                self._watcher.replayed(lane, lot.kind, lot.reason, lot.count, lot.money)
        return kept


async def count_dead(outbox: Outbox, storefront: StorefrontId) -> list[Dead]:
    """Count a storefront's dead letters without opening one; destinations since taken away count too. Raises Unavailable."""
    found: dict[tuple[Destination, Kind, Reason, PlatformCode | None], Dead] = {}
    for destination in Destination:
        after, lane = 0, Lane(storefront, destination)
        while letters := await outbox.dead_letters(lane, after, COUNTED_AT_A_TIME):
            after = letters[-1].seq
            for letter in letters:
                key = (destination, letter.kind, letter.reason, letter.code)
                dead = found.setdefault(key, Dead(*key, 0, letter.died_at, letter.died_at, 0))
                dead.count += 1
                dead.first_at = min(dead.first_at, letter.died_at)
                dead.last_at = max(dead.last_at, letter.died_at)
                dead.again += letter.replays > 0
    return sorted(found.values(), key=lambda dead: (list(Destination).index(dead.destination), -dead.count, dead.reason))
