"""Every request of a run, as it came out of the socket, is read by the platforms' own published models.

The adapters' tests hold single payloads against these; here it is whole batches that a running gateway sent, with the
fields of the shipped settings and with every field that a policy can allow.
"""

import json
import time
from collections.abc import Callable
from io import StringIO
from pathlib import Path
from typing import Any, Final

import aiohttp
import orjson
import pytest

from gateway.log import Log
from gateway.model.words import Destination
from gateway.sandbox.platforms import Platforms
from gateway.sandbox.stand_in import Heard
from tests.adapters.test_google_ads_api import in_the_ads_schema
from tests.adapters.test_google_data_manager import in_the_schema
from tests.adapters.test_meta import folded, in_the_sdk
from tests.adapters.test_pinterest import SCHEMA, in_the_client
from tests.live import NOTHING_MORE, Installation, inside, install

OF_THE_SHOP: Final = "send_content_ids = true\nsend_page_path = true"
EVERYTHING: Final = {
    Destination.META: f'client_user_agent = "full"\nsend_fbc = true\nsend_fbp = true\n{OF_THE_SHOP}\n'
    'allow = { user_agent = "1", click_id = "1", browser_id = "1", content_ids = "1", page_path = "1" }',
    Destination.PINTEREST: f'client_user_agent = "full"\nsend_click_id = true\n{OF_THE_SHOP}\n'
    'allow = { user_agent = "1", click_id = "1", content_ids = "1", page_path = "1" }',
    Destination.GOOGLE_ADS: 'send_click_ids = true\nallow = { click_id = "1" }',
}
"""All that the settings can allow beyond what is shipped."""
OLDER: Final = {
    **EVERYTHING,
    Destination.GOOGLE_ADS: 'transport = "ads_api"\nsend_click_ids = true\nallow = { click_id = "1" }',
}
"""The same with Google's older service."""
OPTIONAL: Final = {b"fbc", b"fbp", b"click_id", b"gclid", b"client_user_agent", b"content_ids", b"content_type"}
COUNT: Final = 300


def event(number: int) -> dict[str, Any]:
    """One of many events that differ in kind, in what is present and in how it is written."""
    kind = ("purchase", "add_to_cart", "page_view")[number % 3]
    written: dict[str, Any] = {
        "event": kind,
        "event_id": (f"{number}", f"order-{number}", f"A.{number}:{number}_x", f"o-{number}")[number % 4],
        "occurred_at": int(time.time()) - 8 * 3600 - number * 600,
        "customer": {"email": (f"jane.{number}@gmail.com", f"Jane+{number}@Example.com", f"é{number}@exämple.de")[number % 3]},
        "consent": {"advertising": True, "google": {"ad_personalization": ("granted", "denied")[number % 2]}},
        "client": {"country": "FR", "user_agent": "Mozilla/5.0 (X11; Linux x86_64) Chrome/131.0.0.0 Safari/537.36"},
    }
    if number % 5:
        written["client"]["ip"] = f"203.0.113.{number % 250}" if number % 2 else f"2a00:1450:4007:{number:x}::7"
    if number % 7:
        written["page_url"] = ("https://shop.example/thanks?x=1", "http://shop.example:8080/")[number % 2]
    if kind != "page_view":
        money = (("129.90", "EUR"), (1500, "JPY"), ("1.234", "KWD"), (0, "USD"), (10_000_000, "GBP"))
        written["order"] = dict(zip(("value", "currency"), money[number % 5], strict=True))
    if number % 4:
        written.setdefault("order", {})["content_ids"] = [f"SKU-{number}:blue", "not an id"][: number % 4]
    if number % 2:
        written["click"] = {
            "gclid": f"Cj0KCQiA-{number:08d}",
            "fbc": f"fb.1.1795000000000.AbC-{number}",
            "fbp": f"fb.1.1795000000000.{number + 1000}",
            "epik": f"dj0yJnU9{number:08d}",
        }
    return written


async def post(installation: Installation) -> int:
    """Post the events; how many were accepted."""
    headers = {"Authorization": f"Bearer {installation.secret_key}", "Content-Type": "application/json"}
    body = json.dumps({"events": [event(number) for number in range(COUNT)]})
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"{installation.url}/v1/events", data=body, headers=headers) as response,
    ):
        return sum(result["status"] == "accepted" for result in (await response.json())["results"])


def meta(heard: Heard) -> int:
    """Read a request with Meta's SDK, which must write the same out again."""
    body = orjson.loads(heard.body)
    assert body.keys() == {"data"}
    for sent in body["data"]:
        assert folded(in_the_sdk(sent).normalize()) == folded(sent)
    return len(body["data"])


def pinterest(heard: Heard) -> int:
    """Read a request with Pinterest's client and by its published rules."""
    body = orjson.loads(heard.body)
    SCHEMA.validate(body)
    in_the_client(orjson.loads(heard.body))
    return len(body["data"])


def google_ads(heard: Heard) -> int:
    """Read a request with Google's message of the service that it went to, which must mean the same."""
    body = orjson.loads(heard.body)
    if heard.path.endswith(":uploadClickConversions"):
        assert in_the_ads_schema(heard.body) == body
        return len(body["conversions"])
    assert in_the_schema(heard.body) == body
    return len(body["events"])


ORACLES: Final[dict[Destination, Callable[[Heard], int]]] = {
    Destination.META: meta,
    Destination.PINTEREST: pinterest,
    Destination.GOOGLE_ADS: google_ads,
}


@pytest.mark.parametrize("allowed", [NOTHING_MORE, EVERYTHING, OLDER], ids=["shipped", "everything", "older"])
async def test_every_request_fits_the_published_schema(allowed: dict[Destination, str], tmp_path: Path) -> None:
    """All that left in a run is valid by each platform's own models, and it is all that was accepted."""
    async with Platforms.start(keep=1000) as platforms:
        installation = install(tmp_path / "gateway", platforms.base_urls, destinations=allowed)
        async with inside(installation, Log(StringIO())):
            accepted = await post(installation)
            await installation.quiet()
        assert accepted == COUNT
        for destination, read in ORACLES.items():
            heard = platforms[destination].heard
            assert heard
            assert sum(map(read, heard)) == COUNT
    sent = b"".join(one.body for destination in Destination for one in platforms[destination].heard)
    assert (b"https://shop.example/thanks" in sent) is (allowed is not NOTHING_MORE)
    optional = {name for name in OPTIONAL if b'"%s":' % name in sent}
    assert optional == (set() if allowed is NOTHING_MORE else OPTIONAL)
