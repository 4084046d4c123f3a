"""What is left of an event below the boundary, and the trace of what was decided about it."""

import msgspec

from gateway.model.money import Money
from gateway.model.texts import (
    ContentId,
    EmailDigest,
    EventId,
    EvidenceId,
    GoogleClickId,
    MetaBrowserId,
    MetaClickId,
    PageOrigin,
    PagePath,
    PersonKey,
    PinterestClickId,
    RefundId,
    TruncatedIp,
    UserAgent,
)
from gateway.model.words import Destination, Kind, Refusal, Signal, State, Status, UsState


class EmailDigests(msgspec.Struct, frozen=True, gc=False):
    """One digest per platform, because their normalisations differ; `None` where there is none that may serve it."""

    meta: EmailDigest | None = None
    pinterest: EmailDigest | None = None
    google_ads: EmailDigest | None = None

    def distinct(self) -> tuple[EmailDigest, ...]:
        """The digests without repeats, in a stable order."""
        if self.meta is not None and self.meta == self.pinterest == self.google_ads:  # nearly always: a seventh of the time
            return (self.meta,)
        return tuple(dict.fromkeys(d for d in (self.meta, self.pinterest, self.google_ads) if d is not None))

    def __repr__(self) -> str:
        """Say nothing of what is inside."""
        return "<EmailDigests>"


class ClickIds(msgspec.Struct, frozen=True, gc=False):
    """Ad click ids, only those that some destination's policy asked for."""

    gclid: GoogleClickId | None = None
    gbraid: GoogleClickId | None = None
    wbraid: GoogleClickId | None = None
    fbc: MetaClickId | None = None
    fbp: MetaBrowserId | None = None
    epik: PinterestClickId | None = None

    def __repr__(self) -> str:
        """Say nothing of what is inside."""
        return "<ClickIds>"


class Minimised(msgspec.Struct, frozen=True, gc=False):
    """An event after the boundary: all that is stored, and all that a platform can be told.

    `occurred_at` and `consent_at` are Unix seconds. `destinations` are those that consent, identity and the
    storefront's policy allow; it is never empty. `ads_personalisation` is Google's separate permission. `restricted` is the
    state under whose law the person opted out: a destination that gets the event must be told so by its own mark.
    """

    kind: Kind
    event_id: EventId
    occurred_at: int
    destinations: tuple[Destination, ...]
    consent_at: int
    ads_personalisation: bool = False
    email: EmailDigests | None = None
    ip: TruncatedIp | None = None
    user_agent: UserAgent | None = None
    page_origin: PageOrigin | None = None
    money: Money | None = None
    click: ClickIds | None = None
    restricted: UsState | None = None
    content_ids: tuple[ContentId, ...] = ()
    page_path: PagePath | None = None
    """Only ever beside `page_origin`."""
    persons: tuple[PersonKey, ...] = ()
    """What else the person is known by, beside the e-mail digests: it finds the event when consent is withdrawn."""
    evidence: EvidenceId | None = None
    """The consent record that allowed it, where the event's own signals did not."""

    def __repr__(self) -> str:
        """Say nothing of what is inside: what is hashed and cut is personal data still."""
        return "<Minimised>"


class Refund(msgspec.Struct, frozen=True, gc=False):
    """Money that went back for an order, as the shop's platform tells it. `order` is the id of the order's purchase.

    What the platform tells again under the same `name` is the same refund.
    """

    order: EventId
    name: RefundId
    money: Money


class Trace(msgspec.Struct, frozen=True, gc=False):
    """Why an event may go or not go: rules and codes only, so few distinct ones exist and none identifies anybody.

    `rule` is the version of the decision table. `signals` is what was seen, in reading order. `refused` names the
    destinations left out with their reason; `allowed` those that may have it. `remarks` is a bit set of `Remark`.
    """

    status: Status
    rule: str
    signals: tuple[tuple[Signal, State], ...]
    allowed: tuple[Destination, ...]
    refused: tuple[tuple[Destination, Refusal], ...]
    remarks: int

    def overruled(self, why: Refusal) -> "Trace":
        """Give the decision on the same event once `why` stands against it: it may go nowhere that it was wanted for.

        That is what the store knows by then: its person has withdrawn, or its money went back.
        """
        wanted = {*self.allowed, *(destination for destination, _ in self.refused)}
        refused = tuple((destination, why) for destination in Destination if destination in wanted)
        return Trace(Status.REFUSED, self.rule, self.signals, (), refused, self.remarks)
