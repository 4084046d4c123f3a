"""One real event beside itself: the shape of the last of a kind that came in, and of the last that left for a platform. Pure.

Each declared field that came is marked: kept, transformed (how) or removed, for each destination. The two sides are the last
of their kind, not always the same event. Values are nowhere: names the gateway declares itself, kinds of value, sizes.
"""

from collections.abc import Iterable, Mapping, Sequence
from enum import unique
from typing import Final, NamedTuple, TypedDict

from gateway.audit.trace import moment
from gateway.model.words import Destination, Remark, Word
from gateway.outbox.shapes import Input, Output
from gateway.outbox.work import Lane
from gateway.raw import RawEvent


@unique
class Fate(Word):
    """What became of a field on its way to one destination."""

    KEPT = "kept"
    TRANSFORMED = "transformed"
    REMOVED = "removed"


class FieldTold(TypedDict):
    """A field that came in. `how` says what was done to it; `left_as` are the key paths that it left under."""

    name: str
    fate: str
    how: str
    left_as: list[str]


class LeftTold(TypedDict):
    """One thing in what left: its key path and kind of value."""

    path: str
    kind: str


class ExampleTold(TypedDict):
    """A kind of event on its way to one destination. Sizes are bytes of one event, on average of its request's."""

    destination: str
    event: str
    came_at: str
    source: str
    bytes_in: int
    fields_in: int
    unknown_fields: int
    fields: list[FieldTold]
    left_at: str | None
    bytes_out: int | None
    fields_out: int
    left: list[LeftTold]
    contract: int | None


class Examples(TypedDict):
    """The answer of `GET /api/v1/example`."""

    storefront: str
    examples: list[ExampleTold]


class _Way(NamedTuple):
    """What can become of a field: kinds of value that it leaves as, and what the boundary's remarks say of it."""

    kinds: frozenset[str]
    remarks: Mapping[Remark, tuple[Fate, str]]
    paths: tuple[str, ...] = ()
    """How such a key path ends, where the kind alone does not say which field it is."""


K, T, R = Fate.KEPT, Fate.TRANSFORMED, Fate.REMOVED
ORIGIN: Final = frozenset({"origin", "page_address"})

NAMES_OF_EVENTS: Final = ("event_name", "conversionAction", "conversion_action", "productDestinationId", "eventName")

WAYS: Final[Mapping[str, _Way]] = {
    "event": _Way(frozenset({"one_of", "conversion_action", "number_id"}), {}, NAMES_OF_EVENTS),
    "event_id": _Way(frozenset({"event_id"}), {}),
    "occurred_at": _Way(
        frozenset({"unix_seconds", "rfc3339", "google_ads_time"}),
        {Remark.TIME_SET_TO_NOW: (T, "ahead of the clock: set to now")},
    ),
    "page_url": _Way(
        ORIGIN,
        {
            Remark.PAGE_PATH_KEPT: (T, "cut to the page, without its query"),
            Remark.PAGE_URL_REDUCED_TO_ORIGIN: (T, "cut to the shop's own site"),
            Remark.PAGE_URL_UNUSABLE: (R, "no page of this shop"),
            Remark.PAGE_URL_NOT_NEEDED: (R, "nobody needs it"),
        },
    ),
    "customer.email": _Way(
        frozenset({"sha256"}),
        {
            Remark.EMAIL_HASHED: (T, "hashed with SHA-256"),
            Remark.EMAIL_UNUSABLE: (R, "no address"),
            Remark.EMAIL_NOT_NEEDED: (R, "nobody needs it"),
        },
    ),
    "customer.email_sha256": _Way(
        frozenset({"sha256"}),
        {
            Remark.EMAIL_DIGEST_PASSED: (K, "hashed by the shop"),
            Remark.EMAIL_UNUSABLE: (R, "the hash of nothing"),
            Remark.EMAIL_NOT_NEEDED: (R, "nobody needs it"),
        },
    ),
    "client.ip": _Way(
        frozenset({"ipv4_24", "ipv6_48"}),
        {
            Remark.IP_TRUNCATED: (T, "cut to its network (/24 or /48)"),
            Remark.IP_UNUSABLE: (R, "no public address"),
            Remark.IP_NOT_NEEDED: (R, "nobody needs it"),
        },
    ),
    "client.user_agent": _Way(
        frozenset({"user_agent"}),
        {
            Remark.USER_AGENT_REDUCED: (T, "reduced to system, browser and version"),
            Remark.USER_AGENT_KEPT: (K, "a decision of this shop allows it"),
            Remark.USER_AGENT_REMOVED: (R, "nobody needs it"),
        },
    ),
    "client.country": _Way(frozenset(), {}),
    "client.region": _Way(frozenset(), {}),
    "order.value": _Way(frozenset({"money_number", "money_text"}), {Remark.MONEY_NOT_NEEDED: (R, "nobody needs it")}),
    "order.currency": _Way(frozenset({"currency"}), {Remark.MONEY_NOT_NEEDED: (R, "nobody needs it")}),
    "order.content_ids": _Way(
        frozenset({"content_id"}),
        {
            Remark.CONTENT_IDS_KEPT: (K, "a decision of this shop allows it"),
            Remark.CONTENT_IDS_REMOVED: (R, "nobody needs it"),
            Remark.CONTENT_ID_UNUSABLE: (R, "not of its form"),
        },
    ),
    "click": _Way(
        frozenset({"google_click_id", "meta_click_id", "meta_browser_id", "pinterest_click_id"}),
        {
            Remark.CLICK_ID_KEPT: (K, "a decision of this shop allows it"),
            Remark.CLICK_ID_UNUSABLE: (R, "not of its form"),
            Remark.CLICK_ID_REMOVED: (R, "nobody needs it"),
        },
    ),
    "consent": _Way(frozenset(), {}),
    "minor": _Way(frozenset(), {}),
}
"""Every declared field, by the first remark of each that was made."""

USED_UP: Final[Mapping[str, str]] = {
    "client.country": "used to decide, then dropped",
    "client.region": "used to decide, then dropped",
    "consent": "used to decide, then dropped",
    "minor": "used to decide, then dropped",
}
NOT_SENT: Final = "not sent to this platform"
REFUSED: Final = "refused for this platform"
UNCHANGED: Final = "as it came"
REWRITTEN: Final = "written in the platform's own form"


def fields_of(raw: RawEvent) -> tuple[str, ...]:
    """Name the declared fields that came with an event. Of clicks and consent, that there were any."""
    there = {
        "event": True,
        "event_id": True,
        "occurred_at": True,
        "page_url": raw.page_url is not None,
        "customer.email": raw.email is not None,
        "customer.email_sha256": raw.email_sha256 is not None,
        "client.ip": raw.ip is not None,
        "client.user_agent": raw.user_agent is not None,
        "client.country": raw.country is not None,
        "client.region": raw.region is not None,
        "order.value": raw.money is not None,
        "order.currency": raw.money is not None,
        "order.content_ids": bool(raw.content_ids),
        "click": bool(raw.click),
        "consent": raw.consent is not None,
        "minor": raw.minor,
    }
    return tuple(name for name, came in there.items() if came)


def examples(
    storefront: str, inputs: Sequence[Input], outputs: Iterable[tuple[Lane, Output]], enabled: Sequence[Destination]
) -> Examples:
    """Put each kind that came in beside what left for each destination."""
    left = {(lane.destination, output.kind): output for lane, output in outputs}
    found = [example(came, destination, left.get((destination, came.kind))) for came in inputs for destination in enabled]
    return Examples(storefront=storefront, examples=found)


def example(came: Input, destination: Destination, output: Output | None) -> ExampleTold:
    """Put what came beside what left."""
    places = [] if output is None else [place.rpartition("=")[::2] for place in output.shape.split()]
    body = [LeftTold(path=path, kind=kind) for path, kind in places if not path.startswith(("?", "header:"))]
    return ExampleTold(
        destination=destination.value,
        event=came.kind.value,
        came_at=moment(came.at),
        source=came.source.value,
        bytes_in=came.bytes,
        fields_in=len(came.fields) + came.unknown,
        unknown_fields=came.unknown,
        fields=[_field(name, came, body, allowed=destination in came.trace.allowed) for name in came.fields],
        left_at=None if output is None else moment(output.at),
        bytes_out=None if output is None else output.bytes,
        fields_out=len(body),
        left=body,
        contract=None if output is None else output.contract,
    )


def _field(name: str, came: Input, body: Sequence[LeftTold], *, allowed: bool) -> FieldTold:
    way = WAYS[name]
    left_as = [one["path"] for one in body if one["kind"] in way.kinds and (not way.paths or one["path"].endswith(way.paths))]
    fate, how = next(
        (said for remark, said in way.remarks.items() if came.trace.remarks >> remark & 1), (K, UNCHANGED if left_as else "")
    )
    if name in USED_UP:
        fate, how, left_as = R, USED_UP[name], []
    elif fate is not R and not left_as:
        fate, how = R, NOT_SENT if allowed else REFUSED
    elif fate is K and not how:
        how = REWRITTEN
    return FieldTold(name=name, fate=fate.value, how=how, left_as=left_as if fate is not R else [])
