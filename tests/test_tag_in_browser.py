"""The tag in a real browser, on a real shop page, before a real gateway: nothing sent or stored before a yes or after a no,
and nothing lost with one.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import UTC, datetime
from typing import Any, Final

import aiohttp
import pytest
import pytest_asyncio
from playwright.async_api import Browser, Route, async_playwright

from tests.browser import WHOLE, needs_whole_browser
from tests.console import FLAGS, chromium, leave, needs_console
from tests.shopfront import Front, Window, opened, window

pytestmark = [needs_console, pytest.mark.asyncio(loop_scope="module"), pytest.mark.xdist_group("tag_in_browser")]

ORDER: Final = {"value": "129.90", "currency": "EUR", "email": "jane@shop.example"}
YES: Final = "window.answer = true"
NO: Final = "window.answer = false"
A_MOMENT: Final = 2.3
"""Seconds after which the tag has looked at the page's banner twice."""
Open = Callable[..., AbstractAsyncContextManager[Window]]


@pytest_asyncio.fixture(scope="module", loop_scope="module", name="front")
async def _front(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Front]:
    async with opened(tmp_path_factory.mktemp("tag") / "shop") as front:
        yield front


@pytest_asyncio.fixture(scope="module", loop_scope="module", name="browser")
async def _browser() -> AsyncIterator[Browser]:
    async with chromium() as browser:
        yield browser


@pytest.fixture(name="shop")
def _shop(front: Front, browser: Browser) -> Open:
    return lambda before="": window(browser, front, before)


async def test_nothing_leaves_and_nothing_is_stored_before_a_yes(shop: Open) -> None:
    """Whatever the page tells the tag, for as long as nobody has decided."""
    async with shop() as visit:
        await visit.open("callback")
        for event in ("page_view", "add_to_cart", "purchase"):
            await visit.tell(event, {"id": f"early-{event}", **ORDER})
        await asyncio.sleep(A_MOMENT)
        assert visit.asked == [("GET", "/tag.js")]
        assert await visit.kept() == []
        assert await visit.page.evaluate("gateway('receipt')") is None
        assert visit.complaints == []


async def test_a_yes_sends_what_the_page_has_seen_once_and_after_the_consent(front: Front, shop: Open) -> None:
    """First the record, then the events under their ids; the order is accepted for everybody."""
    async with shop() as visit:
        await visit.open("callback")
        order = await visit.tell("purchase", {"id": "1001", **ORDER})
        await visit.page.evaluate(YES)
        told = await front.until_accepted("purchase", "1001")
        assert order == "1001"
        assert visit.sent()[0] == "/v1/consent"
        assert visit.sent().count("/v1/consent") == 1
        assert set(told["destinations"]) == {"meta", "pinterest", "google_ads"}
        assert told["signals"] == {"advertising": "granted"}
        assert told["repeats"] == 0
        assert visit.complaints == []
        assert (await visit.context.cookies()) == []


async def test_the_address_is_not_kept_in_the_browser(shop: Open) -> None:
    """An order that cannot be sent waits in storage without the address."""
    async with shop() as visit:
        await visit.open("callback")
        await visit.page.evaluate(YES)
        await visit.context.route("**/v1/collect*", lambda route: route.abort())
        await visit.tell("purchase", {"id": "kept-1", **ORDER})
        await visit.until("Object.keys(localStorage).includes('cgw.purchase.kept-1')")
        assert "jane" not in await visit.page.evaluate("JSON.stringify(localStorage)")


async def test_a_no_takes_back_what_was_told_and_empties_what_waits(front: Front, shop: Open) -> None:
    """The gateway hears of the withdrawal, and of nothing else afterwards; the page keeps nothing."""
    async with shop() as visit:
        await visit.open("callback")
        await visit.page.evaluate(YES)
        await visit.tell("add_to_cart", {"id": "before-no", **ORDER})
        await front.until_accepted("add_to_cart", "before-no")
        await visit.context.route("**/v1/collect*", lambda route: route.abort())
        await visit.tell("purchase", {"id": "waits", **ORDER})
        await visit.page.evaluate(NO)
        await visit.until("Object.keys(localStorage).length === 0")
        await visit.context.unroute("**/v1/collect*")
        visit.asked.clear()
        await visit.tell("purchase", {"id": "after-no", **ORDER})
        await asyncio.sleep(A_MOMENT)
        assert [path for path in visit.sent() if path != "/v1/consent/withdraw"] == []
        assert (await front.fate("purchase", "waits"), await front.fate("purchase", "after-no")) == (None, None)


async def test_who_says_no_first_is_never_heard_of(shop: Open) -> None:
    """A no without a yes before it takes nothing back: there is nothing."""
    async with shop() as visit:
        await visit.open("callback")
        await visit.tell("page_view", {})
        await visit.page.evaluate(NO)
        await asyncio.sleep(A_MOMENT)
        assert visit.sent() == []
        assert await visit.kept() == []


@pytest.mark.parametrize("name", ["advertising", "vendors"])
async def test_an_object_that_has_no_answer_yet_is_none(name: str, front: Front, shop: Open) -> None:
    """A banner that is asked before it knows gives nothing in its place: that takes nothing back, and what happens waits."""
    answer = {"advertising": "{advertising: said}", "vendors": "{vendors: {meta: said, pinterest: null}}"}[name]
    async with shop() as visit:
        await visit.open("callback")
        await visit.page.evaluate(f"window.say = (said) => {{ window.answer = {answer}; }}; say(true)")
        await visit.tell("add_to_cart", {"id": f"yes-{name}", **ORDER})
        await front.until_accepted("add_to_cart", f"yes-{name}")
        await asyncio.sleep(A_MOMENT)  # it has looked, and looks away meanwhile: the same answer is news to it afterwards
        for nothing in ("undefined", "null"):
            await visit.page.evaluate(f"say({nothing})")
            await visit.tell("purchase", {"id": f"{nothing}-{name}", **ORDER})
        await asyncio.sleep(A_MOMENT)
        await visit.page.evaluate("say(true)")
        for nothing in ("undefined", "null"):
            await front.until_accepted("purchase", f"{nothing}-{name}")
        assert "/v1/consent/withdraw" not in visit.sent()


async def test_what_a_page_computes_is_taken(front: Front, shop: Open) -> None:
    """Prices in binary fractions, such as 59.699999999999996, and products whose ids are numbers."""
    async with shop() as visit:
        await visit.open("callback")
        await visit.page.evaluate(YES)
        await visit.tell("purchase", {**ORDER, "id": 1009, "value": 3 * 19.9, "content_ids": [77, "78"]})
        told = await front.until_accepted("purchase", "1009")
        assert set(told["destinations"]) == {"meta", "pinterest", "google_ads"}


async def test_a_yes_after_a_no_counts_from_then_on(front: Front, shop: Open) -> None:
    """What was done before is not told."""
    async with shop() as visit:
        await visit.open("callback")
        await visit.page.evaluate(NO)
        await visit.tell("purchase", {"id": "under-no", **ORDER})
        await visit.page.evaluate(YES)
        await visit.tell("purchase", {"id": "under-yes", **ORDER})
        await front.until_accepted("purchase", "under-yes")
        assert await front.fate("purchase", "under-no") is None


async def test_an_order_right_before_the_page_goes_arrives(front: Front, shop: Open) -> None:
    """Told and left in the same moment."""
    async with shop() as visit:
        await visit.open("callback")
        await visit.page.evaluate(YES)
        for n in range(3):
            await visit.tell("purchase", {"id": f"leaving-{n}", **ORDER})
        await visit.page.goto("about:blank")
        for n in range(3):
            await front.until_accepted("purchase", f"leaving-{n}")


async def test_an_order_and_its_consent_arrive_though_the_page_goes_at_once(front: Front, shop: Open) -> None:
    """The yes, the order and the end of the page in one turn, so that nothing was answered yet."""
    async with shop() as visit:
        await visit.open("callback")
        await visit.page.evaluate(
            "order => { window.answer = true; gateway('purchase', order); location.href = '/away?banner=silent'; }",
            {"id": "all-at-once", **ORDER},
        )
        await visit.page.wait_for_url("**/away?banner=silent")
        await front.until_accepted("purchase", "all-at-once")


async def test_what_happens_offline_is_sent_online_once(front: Front, shop: Open) -> None:
    """Under the same id, when the browser says that it is back."""
    async with shop() as visit:
        await visit.open("callback")
        await visit.page.evaluate(YES)
        await visit.context.set_offline(True)
        await visit.tell("purchase", {"id": "offline", **ORDER})
        await asyncio.sleep(0.3)
        await visit.context.set_offline(False)
        told = await front.until_accepted("purchase", "offline")
        await asyncio.sleep(A_MOMENT)
        assert told["repeats"] == (await front.fate("purchase", "offline"))["repeats"] == 0


async def test_a_browser_that_keeps_nothing_sends_all_the_same(front: Front, shop: Open) -> None:
    """Storage that throws, as with all site data blocked."""
    blocked = "Object.defineProperty(window, 'localStorage', {get() { throw new DOMException('no', 'SecurityError'); }});"
    async with shop(blocked) as visit:
        await visit.open("callback")
        await visit.page.evaluate(YES)
        await visit.tell("purchase", {"id": "unstored", **ORDER})
        await front.until_accepted("purchase", "unstored")
        assert visit.complaints == []


async def test_a_request_that_is_blocked_waits_for_the_next_page(front: Front, shop: Open) -> None:
    """No error on the page and no way around the blocker; under the same id from another page, where nothing blocks."""
    async with shop() as visit:
        await visit.open("callback")
        await visit.page.evaluate(YES)
        await visit.context.route("**/v1/*", lambda route: route.abort())
        await visit.tell("purchase", {"id": "blocked", **ORDER})
        await visit.until("Object.keys(localStorage).includes('cgw.purchase.blocked')")
        assert visit.complaints == []
        await visit.context.unroute("**/v1/*")
        await visit.page.evaluate("navigator.sendBeacon = () => false")
        await visit.open("callback", "/next")
        assert await front.fate("purchase", "blocked") is None
        await visit.page.evaluate(YES)
        told = await front.until_known("purchase", "blocked")
        assert told["signals"] == {"advertising": "granted"}
        assert {one["reason"] for one in told["destinations"].values()} == {"no_identity"}  # loopback, and no address any more


async def test_a_page_view_of_each_address_in_a_single_page_app(front: Front, shop: Open) -> None:
    """One at the beginning, one for each address that is pushed or gone back to, none for the same address again."""
    async with shop() as visit:
        await visit.open("callback")
        before = await views(front)
        await visit.page.evaluate(YES)
        assert await settled_views(front, before + 1) == before + 1
        for step in ("history.pushState({}, '', '/a')", "history.pushState({}, '', '/b')", "history.pushState({}, '', '/b')"):
            await visit.page.evaluate(step)
        await visit.page.evaluate("history.back()")
        await visit.page.wait_for_timeout(600)
        await visit.page.evaluate("history.back()")
        assert await settled_views(front, before + 4) == before + 4


async def views(front: Front) -> int:
    """Count the page views that came in."""
    told = await front.installation.ask("/api/v1/funnel", storefront="shop", step="hour", count="1", event="page_view")
    return int(told["total"]["door"]["received"])


async def settled_views(front: Front, expected: int) -> int:
    """Count them once so many came in, which takes a busy machine its time, and a second in which more could come is over."""
    for _ in range(300):
        if await views(front) >= expected:
            break
        await asyncio.sleep(0.05)
    await asyncio.sleep(1.2)
    return await views(front)


@asynccontextmanager
async def remembering() -> AsyncIterator[Browser]:
    """A browser with a back/forward cache, which Playwright usually turns off."""
    async with async_playwright() as playwright:
        without = ["--disable-back-forward-cache"]
        browser = await playwright.chromium.launch(executable_path=WHOLE, args=[*FLAGS], ignore_default_args=without)
        try:
            yield browser
        finally:
            await leave(browser)


CHOICE: Final = "gateway('consent', () => localStorage.choice ? localStorage.choice === 'yes' : undefined)"
"""A banner whose answer every page of the shop knows."""


@needs_whole_browser
@pytest.mark.parametrize(("meanwhile", "more"), [("yes", 1), ("no", 0)])
async def test_a_page_comes_back_whole(meanwhile: str, more: int, front: Front) -> None:
    """From the back/forward cache its scripts go on where they were: a new view, unless there was a no on another page."""
    async with remembering() as browser, window(browser, front) as visit:
        await visit.open("silent")
        await visit.page.evaluate(f"localStorage.choice = 'yes'; window.kept = true; {CHOICE}")
        await visit.page.wait_for_timeout(1200)
        await visit.open("silent", "/second")
        await visit.page.evaluate(f"localStorage.choice = '{meanwhile}'; {CHOICE}")
        await visit.page.wait_for_timeout(1200)
        before, asked = await views(front), visit.sent()
        await visit.page.go_back(wait_until="commit")
        await visit.page.wait_for_timeout(1200)
        assert await visit.page.evaluate("window.kept")
        assert await views(front) == before + more
        after = [path for path in visit.sent()[len(asked) :] if path != "/v1/consent/withdraw"]  # a page may repeat that one
        assert after == ["/v1/collect"] * more
        assert ("/v1/consent/withdraw" in asked) is (meanwhile == "no")


async def test_global_privacy_control_outweighs_the_banner(shop: Open) -> None:
    """A browser that says no to everybody is not asked again."""
    async with shop("Object.defineProperty(navigator, 'globalPrivacyControl', {get: () => true})") as visit:
        await visit.open("callback")
        await visit.page.evaluate(YES)
        await visit.tell("purchase", {"id": "gpc", **ORDER})
        await asyncio.sleep(A_MOMENT)
        assert visit.sent() == []


async def _grant_by_consent_mode(visit: Window) -> None:
    await visit.page.evaluate("choose('granted')")


async def _grant_by_shopify(visit: Window) -> None:
    await visit.page.evaluate("window.marketing = 'yes'")


async def _grant_by_tcf(visit: Window) -> None:
    await visit.page.evaluate("text => choose(text, {1: true, 3: true, 4: true, 7: true})", TC)


TC: Final = "CQqU34AQqU34AAfACBENCMFgAP_AAAAAAAqIF5wAQF5gAAAA.IF5wAQF5gA"
"""Of another consent tool; see tests/data/tcf_strings.json."""
GRANTS: Final[dict[str, Callable[[Window], Awaitable[None]]]] = {
    "consent_mode": _grant_by_consent_mode,
    "shopify": _grant_by_shopify,
    "tcf": _grant_by_tcf,
}


@pytest.mark.parametrize("banner", GRANTS)
async def test_each_banner_is_heard(banner: str, front: Front, shop: Open) -> None:
    """Nothing before its yes, the order after it, with the signal that was read."""
    async with shop() as visit:
        await visit.open(banner)
        await visit.tell("purchase", {"id": f"by-{banner}", **ORDER})
        await asyncio.sleep(1.3)
        assert visit.sent() == []
        await GRANTS[banner](visit)
        told = await front.until_accepted("purchase", f"by-{banner}")
        signal = {"consent_mode": "google", "shopify": "shopify_visitor", "tcf": "tcf"}[banner]
        assert told["signals"][signal] == "granted"


async def test_a_banner_that_was_shown_is_no_answer(shop: Open) -> None:
    """A default that grants, before anybody chose."""
    async with shop() as visit:
        await visit.open("consent_mode_default")
        await visit.tell("purchase", {"id": "default", **ORDER})
        await asyncio.sleep(A_MOMENT)
        assert visit.sent() == []


async def test_an_update_about_something_else_is_no_answer_either(shop: Open) -> None:
    """What an update does not name stays as the page set it, and nobody was asked about that."""
    async with shop() as visit:
        await visit.open("consent_mode_default")
        await visit.page.evaluate("gtag('consent', 'update', {ad_personalization: 'denied', analytics_storage: 'granted'})")
        await visit.tell("purchase", {"id": "elsewhere", **ORDER})
        await asyncio.sleep(A_MOMENT)
        assert visit.sent() == []
        await visit.page.evaluate("gtag('consent', 'update', {ad_storage: 'granted'})")
        await visit.tell("purchase", {"id": "half", **ORDER})
        await asyncio.sleep(A_MOMENT)
        assert visit.sent() == []


async def test_a_no_by_one_banner_outweighs_a_yes_by_another(shop: Open) -> None:
    """An opt-out in a GPP string, beside a yes of the page's own."""
    async with shop() as visit:
        await visit.open("gpp")
        await visit.page.wait_for_timeout(1200)
        await visit.page.evaluate("choose('DBABLA~BVQqAAAAAgA.QA', {usnat: [{SaleOptOut: 1, SharingOptOut: 2}]})")
        await visit.page.evaluate(YES)
        await visit.tell("purchase", {"id": "gpp-no", **ORDER})
        await asyncio.sleep(A_MOMENT)
        assert visit.sent() == []


async def test_a_broken_banner_has_decided_nothing(shop: Open) -> None:
    """A callback that throws is no yes, and no error of the page."""
    async with shop() as visit:
        await visit.open("broken")
        await visit.tell("purchase", {"id": "broken", **ORDER})
        await asyncio.sleep(A_MOMENT)
        assert (visit.sent(), visit.complaints) == ([], [])


async def test_the_same_order_told_twice_counts_once(front: Front, shop: Open) -> None:
    """In one page and in two windows."""
    async with shop() as visit:
        await visit.open("callback")
        second = await visit.context.new_page()
        await visit.open("callback", "/second", second)
        for page in (visit.page, second, visit.page):
            await page.evaluate(YES)
            await visit.tell("purchase", {"id": "twice", **ORDER}, page)
        await front.until_accepted("purchase", "twice")
        await visit.page.wait_for_timeout(1200)
        books: Any = await front.installation.ask("/api/v1/funnel", storefront="shop", step="hour", count="1", event="purchase")
        assert books["total"]["door"]["differing_repeats"] == 0
        assert await visit.page.evaluate("Object.keys(localStorage)") == ["cgw"]


async def test_a_second_window_keeps_what_the_first_could_not_send(front: Front, shop: Open) -> None:
    """Both write to one storage, and neither loses the other's."""
    async with shop() as visit:
        await visit.open("callback")
        await visit.page.evaluate(YES)
        await visit.tell("add_to_cart", {"id": "first-window", **ORDER})
        await front.until_accepted("add_to_cart", "first-window")
        second = await visit.context.new_page()
        await visit.open("callback", "/second", second)
        await second.evaluate(YES)
        await visit.context.route("**/v1/collect*", lambda route: route.abort())
        await visit.tell("purchase", {"id": "left-behind", **ORDER})
        await visit.page.close()
        await visit.context.unroute("**/v1/collect*")
        await visit.tell("add_to_cart", {"id": "second-window", **ORDER}, second)
        await front.until_accepted("add_to_cart", "second-window")
        visit.page = second
        await visit.open("callback", "/third")
        await visit.page.evaluate(YES)
        await front.until_known("purchase", "left-behind")


# ── Shopify's pixel ──────────────────────────────────────────────────────────────────────────────────────────────


DENIED: Final = {
    "analyticsProcessingAllowed": True,
    "marketingAllowed": False,
    "preferencesProcessingAllowed": True,
    "saleOfDataAllowed": True,
}
ALLOWED: Final = DENIED | {"marketingAllowed": True}
CONTEXT: Final = {
    "document": {"location": {"origin": "https://shop.example", "pathname": "/checkouts/thank-you", "search": "?token=x"}}
}


def customer_event(name: str, number: int, **data: Any) -> dict[str, Any]:
    """One of Shopify's standard events, as a pixel is given it; of another visitor in each ten of numbers."""
    moment = datetime.now(UTC).isoformat().replace("+00:00", "Z")
    return {
        "name": name,
        "id": f"sh-{number}-AB",
        "clientId": f"client-{number // 10}-abcdef",
        "timestamp": moment,
        "context": CONTEXT,
        "data": data,
    }


def checkout(number: int) -> dict[str, Any]:
    """A checkout that is completed."""
    return {
        "checkout": {
            "token": f"token-of-{number}",
            "email": "jane@shop.example",
            "order": {"id": f"gid://shopify/OrderIdentity/{number}"},
            "totalPrice": {"amount": 129.9, "currencyCode": "EUR"},
            "lineItems": [{"variant": {"id": "gid://shopify/ProductVariant/77"}}],
        }
    }


async def post_to_pixel(visit: Window, *messages: dict[str, Any]) -> None:
    """Let Shopify's side of the sandbox say something to the pixel."""
    for message in messages:
        await visit.page.evaluate("said => document.querySelector('iframe').contentWindow.postMessage(said, '*')", message)


async def test_the_pixel_sends_nothing_before_consent_and_everything_after(front: Front, shop: Open) -> None:
    """From a frame of no origin: before, nothing; then the record and the order, under the number that the webhook has."""
    async with shop() as visit:
        await visit.page.goto(f"{front.origin}/pixel")
        await post_to_pixel(visit, customer_event("page_viewed", 1), customer_event("checkout_completed", 2, **checkout(4001)))
        await asyncio.sleep(0.5)
        assert visit.asked == []
        await post_to_pixel(visit, {"privacy": ALLOWED}, customer_event("checkout_completed", 3, **checkout(4002)))
        told = await front.until_accepted("purchase", "4002")
        assert told["signals"]["shopify"] == "granted"
        assert visit.sent()[0] == "/v1/consent"
        assert await front.fate("purchase", "4001") is None
        assert visit.complaints == []


async def test_the_pixel_hears_of_a_change_of_mind(front: Front, shop: Open) -> None:
    """What the pixel was given at its start is not what counts later."""
    async with shop() as visit:
        await visit.page.goto(f"{front.origin}/pixel")
        await post_to_pixel(visit, {"privacy": ALLOWED}, customer_event("checkout_completed", 14, **checkout(4003)))
        await front.until_accepted("purchase", "4003")
        await post_to_pixel(visit, {"privacy": DENIED})
        await asyncio.sleep(0.5)
        visit.asked.clear()
        line = {
            "cartLine": {
                "cost": {"totalAmount": {"amount": 5, "currencyCode": "EUR"}},
                "merchandise": {"id": "gid://shopify/ProductVariant/7"},
            }
        }
        await post_to_pixel(visit, customer_event("product_added_to_cart", 15, **line), customer_event("page_viewed", 16))
        await asyncio.sleep(0.5)
        assert visit.sent() == []


async def test_the_pixel_tells_of_a_no_until_it_is_heard(front: Front, shop: Open) -> None:
    """A request that gets lost is sent again, as for a yes: or the order's webhook would go by what was taken back."""
    async with shop() as visit:
        await visit.page.goto(f"{front.origin}/pixel")
        await post_to_pixel(visit, {"privacy": ALLOWED}, customer_event("checkout_completed", 34, **checkout(4006)))
        await front.until_accepted("purchase", "4006")
        lost: list[str] = []

        async def lose_the_first(route: Route) -> None:
            lost.append(route.request.url)
            await (route.abort() if len(lost) == 1 else route.continue_())

        await visit.context.route("**/v1/consent/withdraw*", lose_the_first)
        await post_to_pixel(visit, {"privacy": DENIED})
        await asyncio.sleep(A_MOMENT)
        order = {
            "event": "purchase",
            "event_id": "4007",
            "occurred_at": int(time.time()),
            "customer": {"email": "j@shop.example"},
        }
        order |= {"order": {"value": "1", "currency": "EUR"}, "consent": {"join": {"checkout_token": "token-of-4006"}}}
        headers = {"Authorization": f"Bearer {front.installation.secret_key}"}
        async with (
            aiohttp.ClientSession() as session,
            session.post(f"{front.installation.url}/v1/events", json=order, headers=headers) as answer,
        ):
            assert [one["reason"] for one in (await answer.json())["results"]] == ["withdrawn"]


async def test_an_order_that_the_pixel_told_of_is_the_webhooks(front: Front, shop: Open) -> None:
    """The record can be found by the checkout's token and the order's number, which the webhook has."""
    async with shop() as visit:
        await visit.page.goto(f"{front.origin}/pixel")
        await post_to_pixel(visit, {"privacy": ALLOWED}, customer_event("page_viewed", 27))
        await post_to_pixel(visit, customer_event("checkout_completed", 28, **checkout(4004)))
        await front.until_accepted("purchase", "4004")
        order = {
            "event": "purchase",
            "event_id": "4004",
            "occurred_at": int(time.time()),
            "order": {"value": "129.90", "currency": "EUR"},
        }
        citing = order | {"customer": {"email": "jane@shop.example"}, "consent": {"join": {"checkout_token": "token-of-4004"}}}
        headers = {"Authorization": f"Bearer {front.installation.secret_key}"}
        async with aiohttp.ClientSession() as session:
            async with session.post(f"{front.installation.url}/v1/events", json=citing, headers=headers) as answer:
                assert [one["status"] for one in (await answer.json())["results"]] == ["duplicate"]
            async with session.post(
                f"{front.installation.url}/v1/events", json=citing | {"event_id": "4005"}, headers=headers
            ) as answer:
                assert [one["status"] for one in (await answer.json())["results"]] == ["accepted"]
