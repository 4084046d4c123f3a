"""Bodies that the platforms' rules allow, one function each, to be spoilt by a test; and how to post them."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import ClientSession
from aiohttp.test_utils import TestClient, TestServer

from gateway.sandbox.stand_in import StandIn, Voice

NOW = 1_795_000_000.0
"""2026-11-18T10:26:40Z."""

HASH = "86e0b9e56c17cc4d12387e1949b85053fbe73bc3ce5a1188713a9d300cc6133d"

TOKEN = "the-right-token"

META = "/v26.0/1234567890/events"
PINTEREST = "/v5/ad_accounts/549755885175/events"
GOOGLE = "/v1/events:ingest"
UPLOAD = "/v26/customers/1234567890:uploadClickConversions"


def meta_event(event_id: Any = "1001", **changes: Any) -> dict[str, Any]:
    """A purchase as Meta documents it."""
    return {
        "event_name": "Purchase",
        "event_time": int(NOW) - 60,
        "event_id": event_id,
        "action_source": "website",
        "event_source_url": "https://shop.example",
        "user_data": {"em": [HASH], "client_ip_address": "203.0.113.0"},
        "custom_data": {"value": 129.9, "currency": "EUR"},
        **changes,
    }


def pinterest_event(event_id: Any = "1001", **changes: Any) -> dict[str, Any]:
    """A checkout as Pinterest documents it."""
    return {
        "event_name": "checkout",
        "event_time": int(NOW) - 60,
        "event_id": event_id,
        "action_source": "web",
        "event_source_url": "https://shop.example",
        "user_data": {"em": [HASH], "client_ip_address": "203.0.113.0"},
        "custom_data": {"value": "129.90", "currency": "EUR"},
        **changes,
    }


def google_event(event_id: Any = "o-1001", **changes: Any) -> dict[str, Any]:
    """A conversion as Google documents it."""
    return {
        "transactionId": event_id,
        "eventTimestamp": "2026-11-18T10:25:40Z",
        "eventSource": "WEB",
        "consent": {"adUserData": "CONSENT_GRANTED"},
        "userData": {"userIdentifiers": [{"emailAddress": HASH}]},
        "conversionValue": 129.9,
        "currency": "EUR",
        **changes,
    }


def google_body(events: Sequence[Any] | None = None, **changes: Any) -> dict[str, Any]:
    """A request as Google documents it."""
    account = {"accountType": "GOOGLE_ADS", "accountId": "1234567890"}
    return {
        "destinations": [{"operatingAccount": account, "productDestinationId": "111"}],
        "encoding": "HEX",
        "events": [google_event()] if events is None else events,
        **changes,
    }


def upload_row(order_id: Any = "o-1001", **changes: Any) -> dict[str, Any]:
    """A conversion as the Google Ads API documents it."""
    return {
        "conversionAction": "customers/1234567890/conversionActions/111",
        "conversionDateTime": "2026-11-18 10:25:40+00:00",
        "orderId": order_id,
        "consent": {"adUserData": "GRANTED"},
        "userIdentifiers": [{"hashedEmail": HASH}],
        "conversionValue": 129.9,
        "currencyCode": "EUR",
        **changes,
    }


def upload_body(rows: Sequence[Any] | None = None, **changes: Any) -> dict[str, Any]:
    """A request as the Google Ads API documents it."""
    return {"conversions": [upload_row()] if rows is None else rows, "partialFailure": True, **changes}


@asynccontextmanager
async def talk(voice: Voice, *, keep: int = 0) -> AsyncIterator[tuple[StandIn, TestClient[Any, Any]]]:
    """Run a stand-in whose clock stands at `NOW`, with a client that knows the token."""
    stand_in = StandIn(voice, token=TOKEN, clock=lambda: NOW, keep=keep)
    server = TestServer(stand_in.app())
    async with TestClient(server, headers={"Authorization": f"Bearer {TOKEN}"}) as client:
        yield stand_in, client


async def post(client: TestClient[Any, Any] | ClientSession, path: str, body: Any) -> tuple[int, Any, Mapping[str, str]]:
    """Post JSON; give status, JSON answer and headers."""
    async with client.post(path, json=body) as answer:
        return answer.status, await answer.json(), answer.headers
