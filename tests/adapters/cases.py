"""Golden cases as data, and the strategies that the adapters' tests share.

A case holds settings, the names of the events that go in (`golden/events.json`, the same for all platforms), the exact
request that comes out, and replies with their verdicts.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, TypeVar

import msgspec
from hypothesis import strategies as st

from adapters import ADAPTERS
from gateway.adapter import Adapter, Reply
from gateway.delivery.contract import Contract
from gateway.model.event import ClickIds, EmailDigests, Minimised
from gateway.model.money import Money
from gateway.model.texts import (
    ContentId,
    EmailDigest,
    EventId,
    GoogleClickId,
    MetaBrowserId,
    MetaClickId,
    PageOrigin,
    PagePath,
    PinterestClickId,
    Text,
    TruncatedIp,
    UserAgent,
)
from gateway.model.verdict import Verdict
from gateway.model.words import Destination, Kind, UsState
from gateway.settings import shipped

GOLDEN: Final = Path(__file__).parent / "golden"
BY_NAME: Final = {adapter.destination: adapter for adapter in ADAPTERS}
LEAST_SETTINGS: Final[dict[Destination, dict[str, Any]]] = {
    Destination.META: {"credential": "env:TOKEN", "pixel_id": "1234567890123456"},
    Destination.PINTEREST: {"credential": "env:TOKEN", "ad_account_id": "549755885175"},
    Destination.GOOGLE_ADS: {
        "credential": "env:TOKEN",
        "rest_seconds": 0,
        "operating_account": "1234567890",
        "conversion_actions": {"purchase": "111", "add_to_cart": "222", "page_view": "333"},
    },
}
ALL_ALLOWED: Final[dict[Destination, dict[str, Any]]] = {
    Destination.META: {
        "client_user_agent": "full",
        "send_fbc": True,
        "send_fbp": True,
        "send_content_ids": True,
        "send_page_path": True,
    },
    Destination.PINTEREST: {
        "client_user_agent": "full",
        "send_click_id": True,
        "send_content_ids": True,
        "send_page_path": True,
    },
    Destination.GOOGLE_ADS: {"send_click_ids": True},
}

SHIPPED: Final = {destination: shipped(destination) for destination in Destination}
"""The contracts that come with the program."""

S = TypeVar("S")
T = TypeVar("T", bound=Text)


def made(destination: Destination, **settings: Any) -> Adapter:
    """Make an adapter from the least settings it takes and `settings` on top."""
    adapter = BY_NAME[destination]
    return adapter(adapter.Settings(**{**LEAST_SETTINGS[destination], **settings}))


def contract_of(destination: Destination, base_url: str | None = None) -> Contract:
    """Give the shipped contract with every option on; `base_url` is a test endpoint."""
    file = SHIPPED[destination]
    return Contract(file, file.options, endpoint=base_url)


def born(kind: type[S], value: Any) -> S:
    """Make a checked value of the model out of JSON, with its check at birth."""
    return msgspec.convert(value, kind, dec_hook=lambda wanted, raw: wanted(raw))


def golden_cases() -> list[tuple[Destination, str, dict[str, Any]]]:
    """Every golden file: whose it is, its name and what it holds."""
    found = sorted(GOLDEN.glob("*/*.json"))
    return [(Destination(path.parent.name), path.stem, json.loads(path.read_bytes())) for path in found]


def golden_events(names: Sequence[str]) -> list[Minimised]:
    """The named events, in that order."""
    known = json.loads((GOLDEN / "events.json").read_bytes())
    return [born(Minimised, known[name]) for name in names]


def golden_reply(row: dict[str, Any]) -> Reply:
    """A row's reply; its body is given as JSON or as text."""
    body = row["text"].encode() if "text" in row else json.dumps(row["body"]).encode()
    return Reply(row["status"], row.get("headers", {}), body)


def shown(verdict: Verdict) -> dict[str, Any]:
    """A verdict as the golden files write it: what is not said is left out."""
    fields = {name: value for name, value in msgspec.to_builtins(verdict, enc_hook=str).items() if value not in (None, False)}
    return {"verdict": type(verdict).__name__, **fields}


def text(kind: type[T], alphabet: str, least: int, most: int) -> st.SearchStrategy[T]:
    """Checked strings of one type, of any characters of an alphabet: drawn at once, since drawing one by one takes long."""
    drawn = st.binary(min_size=least, max_size=most).map(lambda raw: "".join(alphabet[byte % len(alphabet)] for byte in raw))
    return drawn.filter(kind.PATTERN.fullmatch).map(kind)


LETTERS = "ABCZabcz0189"
DIGESTS = text(EmailDigest, "0123456789abcdef", 64, 64)
EVENT_IDS = text(EventId, LETTERS + "_.:-", 1, 64) | text(EventId, "0123456789", 1, 64) | text(EventId, "oh-01af", 1, 64)
CLICKS = st.builds(
    ClickIds,
    gclid=st.none() | text(GoogleClickId, LETTERS + "_-", 10, 40),
    gbraid=st.none() | text(GoogleClickId, LETTERS + "_-", 10, 40),
    wbraid=st.none() | text(GoogleClickId, LETTERS + "_-", 10, 40),
    fbc=st.none() | st.just(MetaClickId("fb.1.1795339000123.IwAR2F4-dbP0l7")),
    fbp=st.none() | st.just(MetaBrowserId("fb.1.1795339000123.1098115397")),
    epik=st.none() | text(PinterestClickId, LETTERS + "_.-", 8, 40),
)
EVENTS = st.builds(
    Minimised,
    kind=st.sampled_from(Kind),
    event_id=EVENT_IDS,
    occurred_at=st.integers(1_700_000_000, 1_900_000_000),
    destinations=st.just(tuple(Destination)),
    consent_at=st.just(1_700_000_000),
    ads_personalisation=st.booleans(),
    email=st.none() | st.builds(EmailDigests, st.none() | DIGESTS, st.none() | DIGESTS, st.none() | DIGESTS),
    ip=st.sampled_from([None, TruncatedIp("203.0.113.0"), TruncatedIp("2001:db8:1::")]),
    user_agent=st.sampled_from([None, UserAgent("Mozilla/5.0 (X11) Firefox/144.0"), UserAgent('X/1 "\\<&>')]),
    page_origin=st.sampled_from([None, PageOrigin("https://shop.example"), PageOrigin("http://localhost:8080")]),
    money=st.none() | st.builds(Money, st.integers(0, 10**7), st.sampled_from(["EUR", "JPY", "KWD", "USD"])),
    click=st.none() | CLICKS,
    content_ids=st.just(()) | st.lists(text(ContentId, LETTERS + "_.:-", 1, 64), max_size=3).map(tuple),
    page_path=st.sampled_from([None, PagePath("/collections/summer-2026"), PagePath("/thanks")]),
)
"""Any event after the boundary of a person who did not opt out."""
RESTRICTED = st.builds(lambda event, state: msgspec.structs.replace(event, restricted=state), EVENTS, st.sampled_from(UsState))
"""Any event of a person who did, under some state's law."""
