"""What both stores stand on, the outbox and the ledger, which know nothing of each other.

Here are the few words that both of them say; beside it is the machinery.

    file         how a store's file is opened, and how full it may get
    writer       the one thread that owns it, and the queue in front of it
    keyring      the key file, by which what is stored is opened
    vault        the keys that seal what a store holds
    looking      whether a closed store would open
    storefronts  their numbers
"""

from enum import StrEnum, unique
from typing import Final

from gateway.model.words import Word

NONCE_BYTES: Final = 12


class Unreadable(Exception):
    """The blob is not what was sealed for this place, or not of a form that this version knows. Holds no data."""


@unique
class Swept(Word):
    """What stores keep for a time: the kinds of rows that a sweep deletes."""

    DEAD_LETTERS = "dead_letters"
    """Events, sealed, that failed for good."""
    WITHDRAWN = "withdrawn"
    """That an event was taken out because its consent is gone."""
    OUTCOMES = "outcomes"
    """What became of deliveries; a row is of one event or of many that lie together."""
    EVENT_IDS = "event_ids"
    """By which repeats are recognised."""
    TRACES = "traces"
    """Why events went or not, as codes; a row is of all events of a day that went the same way."""
    EVIDENCE = "evidence"
    """Which consent record allowed an event."""
    SENT = "sent"
    """What was sent: a row is of a request's events of one person, sealed."""
    SENT_EARLY = "sent_early"
    """The same, before its time, because the store was filling up."""
    REPLAYS = "replays"
    """That a dead letter was given back."""
    INQUIRIES = "inquiries"
    """Requests whose last word was still to be asked for."""
    WITHDRAWALS = "withdrawals"
    """A person's word, as keyed hashes."""
    REFUNDS = "refunds"
    """What went back for orders, as keyed hashes and sums."""
    FIGURES = "figures"
    """Sums by the hour and the day, of no person."""
    CONSENT_RECORDS = "consent_records"
    HELD_ORDERS = "held_orders"
    REQUESTS = "requests"
    """Lines of the register of persons' requests."""


@unique
class Shut(StrEnum):
    """Why the outbox takes nothing at the moment; an answer of 503."""

    FULL = "store_full"
    BUSY = "store_busy"
    FAILED = "store_failed"
    CLOSED = "stopping"


class Unavailable(Exception):
    """Nothing was stored. Carries why; holds no data."""

    def __init__(self, why: Shut) -> None:
        """Keep the reason."""
        super().__init__(why.value)
        self.why = why
