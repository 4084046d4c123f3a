import io
import json
import socket
import stat
import time
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Final

import aiohttp
import pytest
import pytest_asyncio
from rich.console import Console

from gateway.demo import DEMO_ORIGIN, SIGNING_KEY, VERIFIER_KEY, prepare, run
from gateway.log import Log, Reducer
from gateway.model.texts import StorefrontId
from gateway.model.words import Destination
from gateway.signing.keyfile import create
from gateway.signing.note import SigningKey
from gateway.storage.keyring import Keyring
from tests.browser import Browser, Page, browsing, needs_browser
from tests.disk import full_disk
from tests.showing import OFFSETS, Demo, first_free_port, is_free

pytestmark = pytest.mark.xdist_group("machine")

PLATFORMS: Final = [destination.value for destination in Destination]
SCREENS: Final = ((1100, 900, False), (360, 740, True))


def printing() -> tuple[Console, io.StringIO]:
    """Make a place to print to, and what stands there."""
    text = io.StringIO()
    return Console(file=text, width=200), text


def kept(state: Path) -> dict[str, tuple[bytes, int]]:
    """Give every file that must stay as it is, with its mode."""
    files = [path for path in state.iterdir() if path.suffix in {".key", ".token"} or path.name == "sealing.json"]
    return {path.name: (path.read_bytes(), stat.S_IMODE(path.stat().st_mode)) for path in files}


def test_preparing_makes_what_an_installation_has(tmp_path: Path) -> None:
    """A key file, a key of each kind, three tokens, the log's keys, for their owner alone, and a configuration that loads."""
    settings = prepare(tmp_path / "new" / "state")
    files = kept(tmp_path / "new" / "state")
    assert len(files) == 8
    assert {mode for name, (_, mode) in files.items() if name != VERIFIER_KEY} == {0o600}
    assert stat.S_IMODE((tmp_path / "new" / "state").stat().st_mode) == 0o700
    assert list(settings.storefronts[StorefrontId("demo")].destinations) == list(Destination)
    assert settings.storefronts[StorefrontId("demo")].test_endpoints == frozenset(Destination)


def test_preparing_again_keeps_every_key(tmp_path: Path) -> None:
    """A second start goes on with the same keys: without them its store could not be read."""
    prepare(tmp_path)
    before = kept(tmp_path)
    prepare(tmp_path)
    assert kept(tmp_path) == before


def test_a_disk_without_room_leaves_no_half_of_a_key(tmp_path: Path) -> None:
    """Once there is room, the same command begins anew."""
    with pytest.raises(OSError, match="too large"), full_disk():
        prepare(tmp_path / "state")
    Keyring.create(tmp_path / "state" / "sealing.json")
    with pytest.raises(OSError, match="too large"), full_disk():
        prepare(tmp_path / "state")
    create(tmp_path / "state" / SIGNING_KEY, DEMO_ORIGIN, bytes(32))
    with pytest.raises(OSError, match="too large"), full_disk():
        prepare(tmp_path / "state")
    assert not (tmp_path / "state" / VERIFIER_KEY).read_text()
    assert prepare(tmp_path / "state").storefronts
    assert (tmp_path / "state" / VERIFIER_KEY).read_text() == SigningKey(DEMO_ORIGIN, bytes(32)).verifier.text + "\n"


def test_all_ports_move_together(tmp_path: Path) -> None:
    """Who has something else on 8080 gives another first port, and every address follows."""
    settings = prepare(tmp_path, 18_080)
    shop = settings.storefronts[StorefrontId("demo")]
    assert (settings.server.public, settings.server.private) == (("127.0.0.1", 18_080), ("127.0.0.1", 18_081))
    assert {f"http://{name}:18090" for name in ("127.0.0.1", "localhost")} == shop.origins
    assert list(shop.base_urls.values()) == [f"http://127.0.0.1:{18_080 + offset}" for offset in OFFSETS[3:]]


@pytest.mark.parametrize("offset", OFFSETS)
async def test_a_taken_port_is_said_and_everything_is_given_back(tmp_path: Path, offset: int) -> None:
    """Whichever port is taken: one sentence that names them all, exit code 1, and the next start works."""
    first, (out, text) = first_free_port(), printing()
    with socket.create_server(("127.0.0.1", first + offset)):
        code = await run(tmp_path / "state", first, Log(), Reducer(Log()), out)
    assert code == 1
    assert f"needs {first}, {first + 1}," in text.getvalue()
    assert "--port" in text.getvalue()
    assert all(is_free(first + other) for other in OFFSETS)


async def test_a_folder_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    """Where the state cannot be kept: one sentence, exit code 1."""
    (tmp_path / "file").write_text("")
    out, text = printing()
    code = await run(tmp_path / "file" / "state", first_free_port(), Log(), Reducer(Log()), out)
    assert code == 1
    assert "--state" in text.getvalue()


async def arrived(demo: Demo, event_id: str) -> dict[str, bool]:
    """Ask the shop which platforms have an event."""
    async with aiohttp.ClientSession() as session, session.get(f"{demo.shop}/status?event_id={event_id}") as answer:
        return {platform: said["arrived"] for platform, said in (await answer.json()).items()}


async def shown(page: Page) -> list[dict[str, Any]]:
    """Read what the page shows of each event, newest first."""
    found: list[dict[str, Any]] = await page.eval(
        """[...document.querySelectorAll("#events > li")].map((entry) => ({
            name: entry.querySelector("[data-part=name]").textContent,
            command: entry.querySelector("[data-part=command]").textContent,
            gateway: entry.querySelector("[data-part=gateway]").textContent,
            looks: [...entry.querySelectorAll("[data-platform]")].map((line) => line.className),
            words: [...entry.querySelectorAll("em")].map((line) => line.textContent),
        }))"""
    )
    return found


def id_of(entry: dict[str, Any]) -> str:
    """Take the event's id from the command that the page shows."""
    return str(entry["command"]).rpartition(" ")[2]


together = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def demo(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Demo]:
    """A demo that several visitors come to; Ctrl-C ends it with 0."""
    one = Demo(tmp_path_factory.mktemp("demo"))
    await one.start()
    yield one
    assert await one.stop() == 0


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def browser(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Browser]:
    """A browser that they have one after the other, each with nothing of another's in it."""
    async with browsing(tmp_path_factory.mktemp("profile")) as one:
        yield one


async def refusals(demo: Demo) -> dict[str, int]:
    """Count what was not accepted, by reason."""
    books = await demo.installation.ask("/api/v1/accounts", storefront="demo")
    found: dict[str, int] = books["by_reason"]
    return found


@needs_browser
@together
async def test_a_visitor_sees_three_confirmations_or_nothing_leave(demo: Demo, browser: Browser) -> None:
    """The whole demo, by hand: who buys is confirmed three times, who refused sees nothing arrive, and both are explained."""
    async with browser.visiting() as page:
        await page.open(demo.shop)
        await page.press("#buy")
        assert await shown(page) == [], "before the visitor has chosen, nothing is sent"

        await page.press("#accept")
        await page.press("#buy")
        await page.until("document.querySelectorAll('#events > li:first-child .arrived').length === 3")
        await page.until("document.querySelectorAll('#events > li:last-child .arrived').length === 3")
        bought, viewed = await shown(page)
        assert (bought["name"], viewed["name"]) == ("Purchase", "Page view")
        assert bought["words"] == ["confirmed by Meta", "confirmed by Pinterest", "confirmed by Google Ads"]

        await page.press("#change")
        await page.press("#refuse")
        await page.press("#buy")
        await page.until("document.querySelectorAll('#events > li:first-child .absent').length === 3")
        refused = (await shown(page))[0]
        assert refused["words"] == ["nothing arrived, as it should be"] * 3
        assert bought["gateway"] == refused["gateway"], "the page is told the same, whatever became of the event"
        assert page.complaints == []

    assert await arrived(demo, id_of(bought)) == dict.fromkeys(PLATFORMS, True)
    assert await arrived(demo, id_of(refused)) == dict.fromkeys(PLATFORMS, False)
    asked = [
        await demo.installation.ask("/api/v1/explain", storefront="demo", event="purchase", event_id=id_of(entry))
        for entry in (bought, refused)
    ]
    assert [told["status"] for told in asked] == ["accepted", "refused"]
    assert [told["signals"]["advertising"] for told in asked] == ["granted", "denied"]
    assert {attempt["state"] for attempt in asked[0]["destinations"].values()} == {"delivered"}


@needs_browser
@together
async def test_a_browser_with_global_privacy_control_is_refused_though_it_accepts(demo: Demo, browser: Browser) -> None:
    """The header that the browser sends weighs more than the button that was pressed."""
    before = await refusals(demo)
    async with browser.visiting() as page:
        await page.call("Network.enable")
        await page.call("Network.setExtraHTTPHeaders", headers={"Sec-GPC": "1"})
        await page.open(demo.shop)
        await page.press("#accept")
        await page.until("document.querySelector('#events [data-part=gateway]')?.textContent.includes('204')")
        (viewed,) = await shown(page)
    assert Counter(await refusals(demo)) - Counter(before) == {"refused.gpc": 1}
    assert await arrived(demo, id_of(viewed)) == dict.fromkeys(PLATFORMS, False)


@needs_browser
@together
@pytest.mark.parametrize(("width", "height", "dark"), SCREENS)
async def test_the_page_fits_its_screen(demo: Demo, browser: Browser, width: int, height: int, dark: bool) -> None:
    """Nothing hangs over the edge, on a phone either, and what can be pressed is large enough to be pressed."""
    async with browser.visiting() as page:
        await page.look(width=width, height=height, dark=dark)
        await page.open(demo.shop)
        await page.press("#accept")
        await page.press("#buy")
        await page.until("document.querySelectorAll('#events .arrived').length === 6")
        await page.eval("for (const part of document.querySelectorAll('details')) part.open = true")
        assert await page.eval("document.documentElement.scrollWidth") <= width
        heights = await page.eval("[...document.querySelectorAll('button')].map((b) => b.offsetHeight).filter((h) => h > 0)")
        assert min(heights) >= 24, "https://www.w3.org/TR/WCAG22/#target-size-minimum (read 2026-11-22)"
        background = await page.eval("getComputedStyle(document.body).backgroundColor")
        assert (sum(json.loads(background.replace("rgb(", "[").replace(")", "]"))) < 384) == dark


async def test_a_second_start_goes_on_with_the_same_store(tmp_path: Path) -> None:
    """What was accepted before the demo was stopped is known afterwards."""
    demo = Demo(tmp_path)
    event = {
        "event": "page_view",
        "event_id": "again",
        "customer": {"email": "jane@example.com"},
        "consent": {"advertising": True},
    }
    results = []
    for _ in range(2):
        await demo.start()
        there = demo.installation
        async with (
            aiohttp.ClientSession(headers={"Authorization": f"Bearer {there.secret_key}"}) as session,
            session.post(f"{there.url}/v1/events", json=event | {"occurred_at": int(time.time())}) as answer,
        ):
            results += [result["status"] for result in (await answer.json())["results"]]
        assert await demo.stop() == 0
    assert results == ["accepted", "duplicate"]
