"""What the front door does with consent records: it keeps what pages and servers say, and finds what events cite.

A record is on stable storage before it is answered, and so is what it takes back: if it says no to what an earlier record
of the person allowed, what waits under the same keys is withdrawn before the answer. An event that cites nothing costs no
look into the ledger.
"""

import secrets
from collections.abc import Callable, Sequence
from enum import unique
from typing import Final

from gateway.consent.evidence import combine
from gateway.depositing import Drawn, Made, Shop, deposit_of, no_said, taken_back
from gateway.ledger import Deposit, Ledger
from gateway.line import Line
from gateway.metrics import Metrics
from gateway.model import EvidenceId, Source, StorefrontId, Word
from gateway.outbox import Entry, Outbox, Person
from gateway.raw import Malformed, RawConsent, RawEvent

EVIDENCE_BYTES: Final = 12
RECEIPT_BYTES: Final = 18
"""24 characters in base64url: nobody finds one by guessing."""


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


class Consents:
    """The records of all storefronts. Methods raise `outbox.Unavailable` when ledger or store are shut."""

    def __init__(self, ledger: Ledger, outbox: Outbox, metrics: Metrics, drawn: Callable[[], Drawn] = draw) -> None:
        self._ledger = ledger
        self._outbox = outbox
        self._metrics = metrics
        self._draw = drawn

    async def keep(self, line: Line, raw: RawConsent | Malformed, told: Told, now: int) -> Made | Malformed:
        """Keep what was said, and take back what it takes back; or say what is wrong with it."""
        shop = Shop(line.storefront, line.policy, line.enabled, line.persons)
        made = raw if isinstance(raw, Malformed) else deposit_of(raw, shop, self._draw(), now, by_page=told is Told.BROWSER)
        if isinstance(made, Malformed):
            self.invalid(line.storefront, told)
            return made
        await self._ledger.deposit(made.deposit)
        if no_said(made.deposit):
            await self._take_back(made, shop)
        self._metrics.consent_record(line.storefront, told, _outcome(made.deposit))
        return made

    async def _take_back(self, made: Made, shop: Shop) -> None:
        earlier = await self._ledger.find(shop.storefront, made.takes_back)
        since = taken_back(made.deposit, earlier, shop)
        if since is not None:
            await self._outbox.withdraw(shop.storefront, Person(keys=made.takes_back), since)

    def invalid(self, storefront: StorefrontId, told: Told) -> None:
        """Count what could not be read at all."""
        self._metrics.consent_record(storefront, told, Outcome.INVALID)

    async def run(self, line: Line, events: Sequence[RawEvent | Malformed], source: Source, now: int) -> list[Entry]:
        """Carry events down the line, each with what the records say that it cites."""
        cited = [line.keys_of(event) for event in events]
        found = iter(await self._ledger.find_each(line.storefront, [keys for keys in cited if keys]))
        evidence = [combine(next(found), line.policy, now) if keys else None for keys in cited]
        known = zip(events, evidence, cited, strict=True)
        return [line.run(event, source, now, said, keys) for event, said, keys in known]


def _outcome(deposit: Deposit) -> Outcome:
    """Sum up what the table said of each destination."""
    fates = {why is None for _, why in deposit.decided}
    return Outcome.MIXED if len(fates) > 1 else Outcome.GRANTED if True in fates else Outcome.REFUSED
