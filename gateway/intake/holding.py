"""An order that waits for its consent record, written down: as little of it as the boundary would keep, and no more.

Where a storefront has said so, an order is kept for a while whose record has not come yet. That is stored before consent is
known, so what is written here is already hashed, truncated and stripped for the destinations that the storefront has, by
the boundary's own rules; of what it cites nothing is in it. Read back it is a raw event again, which goes down the whole
line once more: consent is decided then, and the boundary makes of it what it would have made of the order itself. Pure.
"""

from collections.abc import Mapping
from typing import Final

import msgspec

from gateway.consent.evidence import cites
from gateway.consent.place import NOWHERE, Mention, merged
from gateway.minimise import (
    CLICK_IDS,
    DIGESTS_OF_NOBODY,
    Wanted,
    email_digests,
    page_origin,
    page_path,
    reduced_user_agent,
    truncated_ip,
)
from gateway.model.money import Money
from gateway.model.texts import ContentId, EventId, Text, UserAgent
from gateway.model.words import Destination, Kind
from gateway.raw import RawEvent

MERELY_CITES: Final = frozenset({"receipt", "join", "banner_version"})
"""Keys of a consent object that say nothing themselves. An order whose consent says anything else does not wait."""


class _Held(msgspec.Struct, frozen=True, array_like=True):
    """What is written. Texts are values of the boundary's own types, checked when they were made and again when read."""

    kind: Kind
    event_id: str
    occurred_at: int
    set_to_now: bool
    unknown: bool
    place: Mention
    digests: dict[Destination, str]
    ip: str | None
    user_agent: str | None
    page: str | None
    money: tuple[int, str] | None
    content_ids: tuple[str, ...]
    click: dict[str, str]


_write: Final = msgspec.msgpack.Encoder().encode
_read: Final = msgspec.msgpack.Decoder(_Held).decode


def may_wait(raw: RawEvent) -> bool:
    """Say whether an order's consent does nothing but cite: then a record can allow it, and only a record."""
    consent = raw.consent
    if not isinstance(consent, Mapping) or not cites(consent):
        return False
    return all(value is None or key in MERELY_CITES for key, value in consent.items())


def written(raw: RawEvent, want: Wanted, own_origins: frozenset[str]) -> bytes:
    """Write an order down, for what all of its storefront's destinations want."""
    return _write(
        _Held(
            kind=raw.kind,
            event_id=str(raw.event_id),
            occurred_at=raw.occurred_at,
            set_to_now=raw.set_to_now,
            unknown=raw.unknown,
            place=merged(((raw.country, raw.region), raw.edge or NOWHERE)),
            digests=_digests(raw, want),
            ip=_plain(truncated_ip(raw.ip)) if raw.ip is not None and want.ip else None,
            user_agent=_agent(raw.user_agent, want.user_agent),
            page=_page(raw.page_url, want, own_origins),
            money=(raw.money.minor, raw.money.currency) if raw.money is not None and want.money else None,
            content_ids=tuple(text for text in raw.content_ids if _is(ContentId, text)) if want.content_ids else (),
            click={
                name: text for name, text in (raw.click or {}).items() if name in want.click_ids and _is(CLICK_IDS[name], text)
            },
        )
    )


def read(event: bytes) -> RawEvent | None:
    """Read an order back; None if it is of a form that this version does not know. Its consent is for a record to say."""
    try:
        held = _read(event)
        money = None if held.money is None else Money(*held.money)
        event_id = EventId(held.event_id)
    except (msgspec.MsgspecError, ValueError):
        return None
    return RawEvent(
        kind=held.kind,
        event_id=event_id,
        occurred_at=held.occurred_at,
        set_to_now=held.set_to_now,
        page_url=held.page,
        email_sha256=held.digests or None,
        ip=held.ip,
        user_agent=held.user_agent,
        country=held.place[0],
        region=held.place[1],
        money=money,
        content_ids=held.content_ids,
        click=held.click or None,
        unknown=held.unknown,
    )


def _digests(raw: RawEvent, want: Wanted) -> dict[Destination, str]:
    if raw.email is None:
        given = raw.email_sha256 or {}
        return {d: digest for d, digest in given.items() if d in want.email and digest not in DIGESTS_OF_NOBODY}
    made = email_digests(raw.email, want.email) if want.email else None
    if made is None:
        return {}
    each = {Destination.META: made.meta, Destination.PINTEREST: made.pinterest, Destination.GOOGLE_ADS: made.google_ads}
    return {destination: str(digest) for destination, digest in each.items() if digest is not None}


def _agent(text: str | None, wanted: str) -> str | None:
    if text is None or wanted == "none":
        return None
    if wanted == "full":
        return text if _is(UserAgent, text) else None
    return _plain(reduced_user_agent(text))


def _page(url: str | None, want: Wanted, own_origins: frozenset[str]) -> str | None:
    origin = page_origin(url, own_origins) if url is not None and want.page_origin else None
    if url is None or origin is None:
        return None
    return f"{origin}{(page_path(url) if want.page_path else None) or '/'}"


def _is(kind: type[Text], text: str) -> bool:
    try:
        kind(text)
    except ValueError:
        return False
    return True


def _plain(text: Text | None) -> str | None:
    return None if text is None else str(text)
