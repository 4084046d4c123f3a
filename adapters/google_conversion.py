"""A conversion as Google understands it, before either of its two APIs writes it out.

Everything that does not depend on the API is decided here, once: which order id Google knows an event by, which of
several click ids it is told, which digest may serve it. The two serialisers write this one type and look at nothing
else of an event, so that a change of the API changes no conversion.
"""

import re
from collections.abc import Sequence
from hashlib import sha256
from typing import Final, Literal, Protocol

import msgspec

from gateway.adapter import Processed, Reply, Request
from gateway.model.event import ClickIds
from gateway.model.money import Money
from gateway.model.texts import EmailDigest, EventId, GoogleClickId, Receipt
from gateway.model.verdict import Pause, Retry, Throttle, Verdict
from gateway.model.words import Kind

Click = tuple[Literal["gclid", "wbraid", "gbraid"], GoogleClickId]
"""An ad click: what sort of id it is, and the id."""


class Conversion(msgspec.Struct, frozen=True, gc=False):
    """One conversion. `action` is a conversion action's numeric id, `occurred_at` Unix seconds.

    `personalised`: personalisation was allowed too. At least one of `email` and `click` is there.
    """

    kind: Kind
    action: str
    transaction_id: str
    occurred_at: int
    personalised: bool
    email: EmailDigest | None
    click: Click | None
    money: Money | None

    def __repr__(self) -> str:
        """Say nothing of what is inside."""
        return "<Conversion>"


class Service(Protocol):
    """One of Google's APIs that take conversions: writes the request, reads the replies."""

    def build(self, conversions: Sequence[Conversion]) -> Request:
        """Write conversions out as one request."""

    def interpret(self, reply: Reply, count: int) -> tuple[Verdict, ...]:
        """Say what the reply means for each of the `count` conversions sent, in their order."""

    def ask_after(self, receipt: Receipt) -> Request | None:
        """Write the request that asks what became of one that was taken; None: the first answer is the last."""

    def read_processed(self, reply: Reply, count: int) -> Processed | Retry | Throttle | Pause:
        """Say what the answer to that means for the `count` conversions asked after."""

    def warnings(self, reply: Reply) -> int:
        """Count the remarks that the reply makes on what was taken."""


def click_of(click: ClickIds | None) -> Click | None:
    """Choose one click id: Google refuses two. `wbraid` is the web's, `gbraid` the apps'.

    https://developers.google.com/data-manager/api/devguides/events/google-ads/offline (read 2026-11-22)
    """
    if click is None:
        return None
    if click.gclid is not None:
        return "gclid", click.gclid
    if click.wbraid is not None:
        return "wbraid", click.wbraid
    return ("gbraid", click.gbraid) if click.gbraid is not None else None


PLAIN: Final = re.compile(r"(?![oh]-)(?!\d+\Z)[A-Za-z0-9-]{2,64}", re.ASCII)
NUMERIC: Final = re.compile(r"\d{1,62}", re.ASCII)


def transaction_id(event_id: EventId) -> str:
    """Give the id that Google knows an event by: the same for ever, different for different events, safe to Google.

    Google names letters, digits, dashes and blanks, up to 64. Bare numbers were seen refused, so they become
    `o-10042`. Ids with `_`, `.` or `:`, ids of one letter and ids that begin with `o-` or `h-` themselves become `h-`
    and half of their SHA-256: the three forms cannot meet, and a hash needs no escaping within 64 characters.
    https://support.google.com/google-ads/answer/6386790 (read 2026-11-22)
    """
    if PLAIN.fullmatch(event_id):
        return event_id
    if NUMERIC.fullmatch(event_id):
        return f"o-{event_id}"
    return f"h-{sha256(event_id.encode()).hexdigest()[:32]}"
