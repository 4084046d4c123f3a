import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal
from html.parser import HTMLParser
from importlib.resources import files
from typing import Any

import pytest
from aiohttp.test_utils import TestClient, TestServer

from gateway.model.texts import EventId
from gateway.model.words import Destination, Kind
from gateway.sandbox.ledger import Arrival, Ledger, Repeats
from gateway.sandbox.shop import NAMES, make_shop_app

HTML, JS, CSS = ((files("gateway.sandbox") / f"shop.{kind}").read_text("utf-8") for kind in ("html", "js", "css"))


@asynccontextmanager
async def shop(gateway: str = "http://127.0.0.1:8080", key: str = "pk_demo_abc") -> AsyncIterator[tuple[Any, Any]]:
    """Run the shop; give its ledgers and a client."""
    ledgers = {destination: Ledger(Repeats.FIRST_STAYS) for destination in Destination}
    async with TestClient(TestServer(make_shop_app(gateway, key, ledgers))) as client:
        yield ledgers, client


class Page(HTMLParser):
    """What a page's markup holds: tags with their attributes, and the text inside scripts and styles."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.inline = ""
        self._within = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note a tag."""
        self.tags.append((tag, dict(attrs)))
        self._within = tag

    def handle_endtag(self, tag: str) -> None:
        """Leave a tag."""
        del tag
        self._within = ""

    def handle_data(self, data: str) -> None:
        """Note what is inline."""
        if self._within in {"script", "style"}:
            self.inline += data


async def test_the_page_knows_gateway_key_and_storefront() -> None:
    """The gaps of the page are filled with what the shop was made for."""
    async with shop() as (_ledgers, client), client.get("/") as answer:
        page = Page(await answer.text())
    metas = {attrs["name"]: attrs["content"] for tag, attrs in page.tags if tag == "meta" and "name" in attrs}
    assert (metas["gateway"], metas["publishable-key"], metas["storefront"]) == (
        "http://127.0.0.1:8080",
        "pk_demo_abc",
        "demo",
    )


@pytest.mark.parametrize("path", ["/", "/shop.js", "/shop.css", "/status?event_id=x"])
async def test_every_answer_has_the_strict_policy(path: str) -> None:
    """Only own files and the gateway are allowed, nothing inline, nothing framed, and the origin stays visible."""
    async with shop() as (_ledgers, client), client.get(path) as answer:
        policy = dict(rule.strip().split(" ", 1) for rule in answer.headers["Content-Security-Policy"].split(";"))
        assert answer.status == 200
        assert policy["default-src"] == "'none'"
        assert (policy["script-src"], policy["style-src"]) == ("'self'", "'self'")
        assert policy["connect-src"] == "'self' http://127.0.0.1:8080"
        assert "unsafe" not in answer.headers["Content-Security-Policy"]
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Referrer-Policy"] == "strict-origin"


@pytest.mark.parametrize(
    ("gateway", "key", "storefront"),
    [
        ("javascript:alert(1)", "pk_a", "demo"),
        ("http://127.0.0.1:1; script-src *", "pk_a", "demo"),
        ("http://user@host/", "pk_a", "demo"),
        ("http://host/path", "pk_a", "demo"),
        ('http://host"><script>', "pk_a", "demo"),
        ("http://host", "sk_secret", "demo"),
        ("http://host", 'pk_"', "demo"),
        ("http://host", "pk_a", "<b>"),
    ],
)
def test_what_could_break_out_of_the_page_is_refused(gateway: str, key: str, storefront: str) -> None:
    """An address, key or name of another form makes no shop; a secret key never gets into a page."""
    with pytest.raises(ValueError, match=r"gateway_url|StorefrontId"):
        make_shop_app(gateway, key, {}, storefront)


def test_nothing_is_inline_and_nothing_comes_from_elsewhere() -> None:
    """The page has no inline script, style or handler, and names no other host."""
    page = Page(HTML)
    names = {name for _tag, attrs in page.tags for name in attrs}
    assert not page.inline.strip()
    assert not [name for name in names if name.startswith("on") or name == "style"]
    assert not re.findall(r"https?:|//[a-z]|@import|url\(", HTML + CSS)
    assert not re.findall(r"https?://", JS)


def test_no_part_of_the_page_is_built_from_text() -> None:
    """What the script shows is set as text, never parsed as markup or run."""
    sinks = r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\b|new Function|setAttribute|DOMParser|srcdoc"
    assert not re.findall(sinks, JS)


def test_the_script_finds_what_it_looks_for() -> None:
    """Every element, part and platform that the script names is in the page."""
    page = Page(HTML)
    given = {attrs.get("id") for _tag, attrs in page.tags}
    parts = {attrs.get("data-part") for _tag, attrs in page.tags}
    assert set(re.findall(r'byId\("([^"]+)"\)', JS)) <= given
    assert set(re.findall(r'part\(entry, "([^"]+)"\)', JS)) <= parts
    assert {attrs["data-platform"] for _tag, attrs in page.tags if "data-platform" in attrs} == set(Destination)
    for destination, name in NAMES.items():
        assert re.search(rf'{destination}: "{name}"', JS)


def test_the_events_are_the_gateways() -> None:
    """The script sends the three kinds of event, with ids that the gateway takes."""
    assert set(re.findall(r"^const LABELS = {(.+)};$", JS, re.MULTILINE)[0].replace(" ", "").split(",")) == {
        f'{kind}:"{label}"' for kind, label in zip(Kind, ("Purchase", "Addtobasket", "Pageview"), strict=True)
    }
    assert EventId("shop-" + "0f" * 8)


def test_refusing_is_as_easy_as_accepting() -> None:
    """The two buttons of the banner stand side by side, alike in kind and in style."""
    page = Page(HTML)
    buttons = [attrs for tag, attrs in page.tags if tag == "button" and attrs.get("id") in {"accept", "refuse"}]
    assert [attrs["id"] for attrs in buttons] == ["refuse", "accept"]
    assert all(set(attrs) == {"id", "type"} for attrs in buttons)
    assert not re.findall(r"#(?:accept|refuse)\b", CSS)


def test_the_page_can_be_used_without_seeing_or_pointing() -> None:
    """It has a language, a title, a viewport, labels for its fields, and real buttons for what can be pressed."""
    page = Page(HTML)
    tags = [tag for tag, _attrs in page.tags]
    labelled = {attrs.get("for") for tag, attrs in page.tags if tag == "label"}
    assert ("html", {"lang": "en"}) in page.tags
    assert {"title", "main", "header", "h1"} <= set(tags)
    assert {attrs.get("id") for tag, attrs in page.tags if tag == "input"} <= labelled
    assert all("aria-label" in attrs for tag, attrs in page.tags if tag == "svg")
    assert "prefers-color-scheme: dark" in CSS
    assert "outline" in CSS


async def test_the_status_says_who_has_the_event_and_what_was_told() -> None:
    """Each platform's ledger is asked for the id; names of fields are given, values are not."""
    async with shop() as (ledgers, client):
        taken = Arrival(0, "Purchase", "shop-1", 1.0, Decimal("129.90"), "EUR", ("event_name", "user_data.em"))
        ledgers[Destination.META].take(taken, 2.0)
        async with client.get("/status?event_id=shop-1") as answer:
            assert await answer.json() == {
                "meta": {"arrived": True, "fields": ["event_name", "user_data.em"]},
                "pinterest": {"arrived": False, "fields": []},
                "google_ads": {"arrived": False, "fields": []},
            }


@pytest.mark.parametrize("query", ["", "?event_id=", "?event_id=%3Cscript%3E", "?event_id=" + "a" * 65])
async def test_what_is_no_event_id_is_refused(query: str) -> None:
    """A status is given for event ids only, and the answer repeats nothing."""
    async with shop() as (_ledgers, client), client.get(f"/status{query}") as answer:
        assert (answer.status, await answer.json()) == (400, {"error": "event_id"})


@pytest.mark.parametrize("path", ["/shop.py", "/shop.html", "/../shop.py", "/meta.py"])
async def test_only_the_pages_own_files_are_given(path: str) -> None:
    """No other file of the package can be read."""
    async with shop() as (_ledgers, client), client.get(path) as answer:
        assert answer.status == 404
