"""What the front door does with consent records: it keeps what pages and servers say, and finds what events cite.

A record is on stable storage before it is answered. If it says no to what an earlier record of the person allowed, what waits
under the same keys is withdrawn before that, so no crash lets go what was refused. An event that cites nothing costs no
look into the ledger.
"""

import secrets
from collections.abc import Callable, Sequence
from enum import unique
from typing import Final

from gateway.consent.evidence import combine
from gateway.intake.callers import Door
from gateway.intake.depositing import Drawn, Made, Shop, deposit_of, no_said, taken_back
from gateway.intake.holding import may_wait, read, written
from gateway.intake.tallying import count
from gateway.ledger import Deposit, HeldOrder, Ledger
from gateway.line import Line
from gateway.metrics import Metrics
from gateway.model.texts import EvidenceId, PersonKey, StorefrontId
from gateway.model.words import Refusal, Source, Word
from gateway.outbox import Outbox
from gateway.outbox.entries import Accept, Entry, Refuse
from gateway.outbox.holdings import Person
from gateway.raw import Malformed, RawConsent, RawEvent, Unfit
from gateway.storage import Unavailable

EVIDENCE_BYTES: Final = 12
RECEIPT_BYTES: Final = 18
"""24 characters in base64url: nobody finds one by guessing."""


NO_RECORD: Final = Refusal.NO_CONSENT_RECORD


def draw() -> Drawn:
    """Draw a record's name and a receipt."""
    return Drawn(EvidenceId.unsealed(secrets.token_hex(EVIDENCE_BYTES)), secrets.token_urlsafe(RECEIPT_BYTES))


@unique
class Told(Word):
    """Whose word a record is; a metric label."""

    SERVER = "server"
    BROWSER = "browser"


@unique
class Outcome(Word):
    """What a record says, over all of the storefront's destinations; a metric label."""

    GRANTED = "granted"
    REFUSED = "refused"
    MIXED = "mixed"
    INVALID = "invalid"
    """It is not of its form, or could be found by nothing, and is not kept."""


@unique
class Held(Word):
    """What became of an order that came before its record; a metric label."""

    HELD = "held"
    TOO_MANY = "too_many"
    """As many wait as may."""
    ALLOWED = "allowed"
    REFUSED = "refused"


class Consents:
    """The records of all storefronts. Methods raise `outbox.Unavailable` when ledger or store are shut."""

    def __init__(self, ledger: Ledger, outbox: Outbox, metrics: Metrics, drawn: Callable[[], Drawn] = draw) -> None:
        self._ledger = ledger
        self._outbox = outbox
        self._metrics = metrics
        self._draw = drawn

    async def keep(self, door: Door, raw: RawConsent | Malformed, told: Told, now: int) -> Made | Malformed:
        """Keep what was said, take back what it takes back, let go on what waited for it; or say what is wrong with it.

        A full ledger keeps nothing (`Unavailable`); a no takes back all the same.
        """
        line = door.line
        shop = Shop(line.storefront, line.policy, line.enabled, line.persons)
        made = raw if isinstance(raw, Malformed) else deposit_of(raw, shop, self._draw(), now, by_page=told is Told.BROWSER)
        if isinstance(made, Malformed):
            self.invalid(line.storefront, told)
            return made
        if no_said(made.deposit):  # before it is kept: should the process die in between, nothing goes that was refused
            await self._take_back(made, shop, told)
        await self._ledger.deposit(made.deposit)
        if door.hold_seconds:
            refused = len(no_said(made.deposit)) == len(made.deposit.decided)
            await self._go_on(line, made.deposit.keys, now, refused=refused)
        self._metrics.consent_record(line.storefront, told, _outcome(made.deposit))
        return made

    async def _take_back(self, made: Made, shop: Shop, told: Told) -> None:
        """Withdraw what a refusal takes back. A page speaks for nobody but the browser that it names: by all that this has been
        known by, since what waits may have gone by a record under a client id or a receipt that this refusal does not name.
        """
        earlier = await self._ledger.find(shop.storefront, made.takes_back)
        since = taken_back(made.deposit, earlier, shop)
        if since is not None:
            mine = await self._ledger.find(shop.storefront, made.deposit.record.own)
            person = Person(keys=tuple(dict.fromkeys((*made.takes_back, *(key for one in mine for key in one.own)))))
            now = made.deposit.record.received_at
            await self._outbox.withdraw(shop.storefront, person, now, widen=told is Told.SERVER, since=since)

    def invalid(self, storefront: StorefrontId, told: Told) -> None:
        """Count what could not be read at all."""
        self._metrics.consent_record(storefront, told, Outcome.INVALID)

    async def run(self, line: Line, events: Sequence[RawEvent | Unfit | Malformed], source: Source, now: int) -> list[Entry]:
        """Carry events down the line, each with what the records say that it cites."""
        cited = [line.keys_of(event) for event in events]
        found = iter(await self._ledger.find_each(line.storefront, [keys for keys in cited if keys]))
        evidence = [combine(next(found), line.policy, now) if keys else None for keys in cited]
        known = zip(events, evidence, cited, strict=True)
        return [line.run(event, source, now, said, keys) for event, said, keys in known]

    # ── orders that wait for their record ────────────────────────────────────────────────────────────────────────

    async def hold(
        self, door: Door, events: Sequence[RawEvent | Unfit | Malformed], entries: Sequence[Entry], now: int
    ) -> None:
        """Keep the orders that were refused only because no record of those they cite is known yet.

        They are refused all the same: nothing of them is accepted until a record that comes in time allows it. One that came
        since they looked for it found nothing that waited, and may be the only one: so they look once more.
        """
        line, held = door.line, list[Sequence[PersonKey]]()
        for event, entry in zip(events, entries, strict=True):
            if type(entry) is Refuse and entry.reason is NO_RECORD and type(event) is RawEvent and may_wait(event):
                until, said = now + door.hold_seconds, written(event, line.want, line.origins)
                kept = await self._ledger.hold(HeldOrder(line.storefront, line.keys_of(event), until, said))
                self._metrics.held_orders(line.storefront, Held.HELD if kept else Held.TOO_MANY, 1)
                held += [line.keys_of(event)] if kept else []
        records = await self._ledger.find_each(line.storefront, held) if held else ()
        for keys, found in zip(held, records, strict=True):
            if combine(found, line.policy, now) is not None:
                await self._go_on(line, keys, now)

    async def _go_on(self, line: Line, keys: Sequence[PersonKey], now: int, *, refused: bool = False) -> None:
        """Let the orders that waited for a record go on if it allows them; delete them if it refuses everything.

        Should the process die between putting and deleting, they are put once more, and are duplicates by their ids then.
        """
        waiting = await self._ledger.release(line.storefront, keys, now)
        allowed = {} if refused else await self._allowed(line, waiting, now)
        try:
            fates = await self._outbox.put(list(allowed.values())) if allowed else ()
        except Unavailable:  # the record is kept whatever becomes of the orders; they wait on
            return
        done = [number for number, _ in waiting] if refused else list(allowed)
        if done:
            await self._ledger.let_go(done)
            self._metrics.held_orders(line.storefront, Held.REFUSED if refused else Held.ALLOWED, len(done))
        count(self._metrics, line.storefront, Source.HELD, list(allowed.values()), fates)

    async def _allowed(self, line: Line, waiting: Sequence[tuple[int, HeldOrder]], now: int) -> dict[int, Accept]:
        """Carry waiting orders down the line with what is known by now; give those that may go on, by number."""
        found = await self._ledger.find_each(line.storefront, [order.keys for _, order in waiting])
        entries: dict[int, Accept] = {}
        for (number, order), records in zip(waiting, found, strict=True):
            event = read(order.event)
            evidence = combine(records, line.policy, now)
            entry = None if event is None else line.run(event, Source.HELD, now, evidence, order.keys)
            if isinstance(entry, Accept):
                entries[number] = entry
        return entries


def _outcome(deposit: Deposit) -> Outcome:
    """Sum up what the table said of each destination."""
    fates = {why is None for _, why in deposit.decided}
    return Outcome.MIXED if len(fates) > 1 else Outcome.GRANTED if True in fates else Outcome.REFUSED
