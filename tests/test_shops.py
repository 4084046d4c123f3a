"""What shops are given to install, run by a real PHP and told to a real gateway: nothing is lost, nothing counts twice, nothing
personal is logged or kept for later, and money is what it was.
"""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from decimal import Decimal
from pathlib import Path
from typing import Final

import pytest
import pytest_asyncio

from gateway.sources.woocommerce import CLIENT_META, RECEIPT_META
from tests import prestashop, woocommerce
from tests.doorway import doorway
from tests.shopify import write_secrets
from tests.stage import NOBODY, RECEIPT, SECRET, VISITOR, Shop, checkouts, lint, needs_php, opened

pytestmark = [needs_php, pytest.mark.asyncio(loop_scope="module"), pytest.mark.xdist_group("shops")]

INTEGRATIONS: Final = Path(__file__).parent.parent / "integrations"
PLACED, PAID, SHIPPED, CANCELLED, REFUNDED = 1, 2, 4, 6, 7
"""States of an order, as PrestaShop numbers them."""
CANARY: Final = "zoé.kanari+canary@example.com"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def street(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Shop]:
    """One shop, database and gateway for all."""
    async with opened(tmp_path_factory.mktemp("shop")) as there:
        yield there


@pytest_asyncio.fixture(loop_scope="module")
async def shop(street: Shop) -> Shop:
    """The shop, empty; its visitor said yes to advertising."""
    await street.begin()
    return street


# ── the module: an order and its consent ─────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("path", sorted(INTEGRATIONS.rglob("*.php")), ids=lambda path: path.stem)
async def test_files_are_php(path: Path) -> None:
    """Held against the grammar by PHP itself."""
    assert "No syntax errors" in await lint(str(path))


async def test_an_order_joins_the_consent_of_its_visitor(shop: Shop) -> None:
    """The cart knows the receipt while the browser is there; the order is made by somebody who has no cookie, and arrives."""
    await shop.visit(["save_cart", 105], cookies=VISITOR)
    told = await shop.visit(shop.order())
    assert (shop.front.answers, shop.pending(told), told.log) == ([200], [], [])
    before = int(time.time())
    (taken,) = await shop.arrived()
    assert (taken.value, taken.currency, taken.copies) == (Decimal("129.90"), "EUR", 1)
    assert before - 60 < taken.occurred_at <= before, "the shop's own time zone is not lost"
    assert await shop.became() == {"delivered, confirmed", "delivered, accepted_for_processing"}


async def test_the_module_says_what_its_twin_says(shop: Shop) -> None:
    """The twin in Python, by which the gateway's own tests go, has the same fields with the same values, byte for byte."""
    await shop.visit(shop.order(state=PAID), cookies=VISITOR)
    (body,) = shop.front.bodies
    made = json.loads(body)["made_at"]
    twin = prestashop.order(id=shop.first + 5, made_at=made, reference="XKBKNAB05", receipt=RECEIPT)
    assert body.decode() == json.dumps(twin, separators=(",", ":")).replace("/", "\\/")


@pytest.mark.parametrize(
    ("yes", "why"), [(False, "advertising_denied"), (None, "no_consent_record")], ids=["a no", "never asked"]
)
async def test_an_order_without_a_yes_goes_nowhere(shop: Shop, *, yes: bool | None, why: str) -> None:
    """The gateway understood it, so the shop need not tell it again."""
    other = f"page-receipt-of-{yes}"
    if yes is not None:
        await shop.consent(other, yes=yes)
    told = await shop.visit(shop.order(), cookies={"consent_gateway_receipt": other})
    assert (shop.front.answers, shop.pending(told)) == ([200], [])
    assert await shop.became() == {f"refused, {why}"}


@pytest.mark.parametrize("tells_old", [True, False], ids=["PrestaShop 8", "PrestaShop 1.7"])
async def test_an_order_counts_once_when_it_is_paid_and_not_when_it_is_taken_back(shop: Shop, *, tells_old: bool) -> None:
    """Placed, paid, shipped, refunded: one conversion, whether or not the hook is told the state before."""
    shop.tells_old = tells_old
    await shop.visit(shop.order(state=PLACED), cookies=VISITOR)
    assert await shop.arrived() == ()
    for state in (PAID, SHIPPED, PAID, REFUNDED):
        await shop.visit(shop.change(state))
    (taken,) = await shop.arrived()
    assert taken.copies == 1
    said = [(one["paid"], one["revoked"]) for one in shop.front.said]
    first, last, still = (False, False), (False, True), [(True, False)]
    assert said == [first, *still * (1 if tells_old else 3), last]
    assert set(shop.front.answers) == {200}


@pytest.mark.parametrize("state", [CANCELLED, REFUNDED])
async def test_an_order_that_was_taken_back_first_is_never_counted(shop: Shop, state: int) -> None:
    """It was placed, and nothing of it has left."""
    await shop.visit(shop.order(state=PLACED), shop.change(state), cookies=VISITOR)
    assert [one["revoked"] for one in shop.front.said] == [False, True]
    assert await shop.became() == {"refused, cancelled_order"}


async def test_what_an_employee_orders_is_said_to_be_theirs(shop: Shop) -> None:
    """An employee's cookies are nobody's consent, in the cart or in the order; a later change of state does not forget it."""
    steps = (["save_cart", 105], shop.order(state=PLACED))
    told = await shop.visit(*steps, cookies=VISITOR, employee=1)
    (kept,) = told.kept["ps_consent_gateway"]
    assert (kept["receipt"], kept["by_employee"]) == (None, 1)
    await shop.visit(shop.change(PAID))
    assert [(one["by_employee"], one["receipt"]) for one in shop.front.said] == [(True, None)] * 2
    assert await shop.became() == {"refused, draft_order"}


ODD: Final = (
    "",
    "short12",
    "two words 0123456789",
    "page-receipt-0123456789\n",
    "page-receipt-é",
    "x' OR '1'='1",
    ["page-receipt"],
)
"""Cookies that anybody can send."""


async def test_odd_cookies_are_ignored(shop: Shop) -> None:
    """What is not of the receipt's form is not kept, and the order is told without it."""
    odd = (*ODD, "a" * 65)
    visits = [(["come", {"consent_gateway_receipt": v}], ["save_cart", 100 + n], shop.order(n)) for n, v in enumerate(odd)]
    told = await shop.visit(*(step for steps in visits for step in steps))
    assert told.kept["ps_consent_gateway"] == []
    assert [one["receipt"] for one in shop.front.said] == [None] * len(odd)


# ── money and words ──────────────────────────────────────────────────────────────────────────────────────────────

AMOUNTS: Final = (
    (0.1 + 0.2, 1, "0.30"),
    (19.99 * 3, 1, "59.97"),
    (4.35 * 100, 1, "435"),
    (1e6, 1, "1000000"),
    (1_000_000.01, 1, "1000000.01"),
    (9_999_999.99, 1, "9999999.99"),
    ("0.000000", 1, "0"),
    (12_000, 2, "12000"),
    (1.234, 3, "1.234"),
)
"""What PrestaShop has come to, in which currency (euro, yen, Kuwaiti dinar), and what it is."""


async def test_money_is_exact(shop: Shop) -> None:
    """Whatever fraction PHP's numbers came to: what is told is the decimal text that the shop's database holds."""
    orders = [shop.order(10 + n, total=total, id_currency=currency) for n, (total, currency, _) in enumerate(AMOUNTS)]
    await shop.visit(*orders, cookies=VISITOR)
    for n, (_, _, exact) in enumerate(AMOUNTS):
        assert [taken.value for taken in await shop.arrived(10 + n)] == [Decimal(exact)]
    assert all(isinstance(one["total"], str) for one in shop.front.said)


async def test_money_that_nobody_can_read_is_not_told_again_for_ever(shop: Shop) -> None:
    """Too much, too little and too fine: the gateway answers that it understood, and tells whoever asks what is wrong."""
    orders = [shop.order(n, total=total) for n, total in enumerate(("12345678901234.123456", "-1.000000", "0.001000"))]
    told = await shop.visit(*orders, cookies=VISITOR)
    assert (shop.front.answers, shop.pending(told)) == ([200] * 3, [])
    assert [await shop.arrived(n) for n in range(3)] == [()] * 3


EMAILS: Final = (
    "jörg@exämple.de",
    '"quoted \\" one"@example.com',
    "it's@example.com",
    "nul\0in@example.com",
    "😀@example.com",
    "<b>@example.com",
    "🙂" * 80,
)


async def test_words_of_any_kind_go_through(shop: Shop) -> None:
    """Umlauts, quotes, NUL and what lies beyond the first plane: they arrive at the gateway as the shop holds them, signed."""
    told = await shop.visit(*(shop.order(n, email=email) for n, email in enumerate(EMAILS)), cookies=VISITOR)
    assert (shop.front.answers, shop.pending(told)) == ([200] * len(EMAILS), [])
    assert [one["email"] for one in shop.front.said] == list(EMAILS)


async def test_bytes_that_are_no_text_keep_no_order_back(shop: Shop) -> None:
    """An address in another encoding cannot be written as JSON; the order is told without it."""
    text, octets = (["run", f"ALTER TABLE ps_customer MODIFY email {kind}(255)"] for kind in ("VARCHAR", "VARBINARY"))
    broken = ["run", "UPDATE ps_customer SET email = X'6A6FFF40652E6465'"]
    steps = (octets, shop.order(state=PLACED), broken, shop.change(PAID), ["run", "DELETE FROM ps_customer"], text)
    told = await shop.visit(*steps, cookies=VISITOR)
    assert (shop.front.answers, shop.pending(told)) == ([200, 200], [])
    assert [one["email"] for one in shop.front.said] == ["jane.doe@example.com", None]


async def test_places_are_codes(shop: Shop) -> None:
    """Country and region, and nothing else of an address."""
    await shop.visit(shop.order(id_address_invoice=2), shop.order(6, id_address_delivery=99))
    france, california, nowhere = ({"country": c, "region": r} for c, r in (("FR", None), ("US", "CA"), (None, None)))
    assert [one["addresses"] for one in shop.front.said] == [[france, california], [nowhere, france]]


# ── nothing is lost ──────────────────────────────────────────────────────────────────────────────────────────────


async def test_an_order_that_nobody_heard_is_told_again_behind_the_next(shop: Shop) -> None:
    """The gateway was away for one order, and is there at the next one."""
    shop.front.answering = False
    assert shop.pending(await shop.visit(shop.order(), cookies=VISITOR)) == [5]
    shop.front.answering = True
    assert shop.pending(await shop.visit(shop.order(6), cookies=VISITOR)) == []
    assert len(await shop.arrived()) == len(await shop.arrived(6)) == 1


async def test_a_wrong_secret_loses_nothing(shop: Shop) -> None:
    """401 for as long as it is wrong; then the shop's scheduled task tells all of it."""
    wrong, right = shop.settings(secret=SECRET[::-1]), shop.settings()
    told = await shop.visit(wrong, shop.order(), shop.order(6), cookies=VISITOR)
    assert (shop.pending(told), set(shop.front.answers)) == ([5, 6], {401})
    told = await shop.visit(right, ["cron"])
    assert (shop.pending(told), shop.front.answers[-2:]) == ([], [200, 200])
    assert len(await shop.arrived()) == len(await shop.arrived(6)) == 1


@pytest.mark.parametrize("trusting", [True, False], ids=["nobody listens", "an unknown certificate"])
async def test_nothing_is_told_to_nobody_or_to_a_stranger(shop: Shop, *, trusting: bool) -> None:
    """A port where nobody listens, and a certificate that nobody known has signed: the order waits."""
    nobody = ["set", "CONSENT_GATEWAY_URL", "https://127.0.0.1:9/v1/prestashop/webhooks"]
    steps = [nobody, shop.order()] if trusting else [shop.order()]
    told = await shop.visit(*steps, cookies=VISITOR, trusting=trusting)
    assert (shop.pending(told), shop.front.answers) == ([5], [])
    told = await shop.visit(["set", "CONSENT_GATEWAY_URL", shop.url], ["cron"])
    assert (shop.pending(told), len(await shop.arrived())) == ([], 1)


async def test_nothing_is_told_without_tls(shop: Shop) -> None:
    """Whatever address came into the settings by another way."""
    plain = ["set", "CONSENT_GATEWAY_URL", f"{shop.installation.url}/v1/prestashop/webhooks"]
    assert shop.pending(await shop.visit(plain, shop.order(), cookies=VISITOR)) == [5]
    assert await shop.became() == set()


async def test_all_orders_of_one_cart_are_told(shop: Shop) -> None:
    """PrestaShop splits a cart into several orders, which are told and waited for one by one."""
    shop.front.answering = False
    parts = [shop.order(number, id_cart=105, reference="XKBKNABJK") for number in (5, 6, 7)]
    assert shop.pending(await shop.visit(*parts, cookies=VISITOR)) == [5, 6, 7]
    shop.front.answering = True
    assert shop.pending(await shop.visit(["cron"])) == []
    assert [len(await shop.arrived(number)) for number in (5, 6, 7)] == [1, 1, 1]


async def test_orders_that_are_not_taken_keep_no_other_back(shop: Shop) -> None:
    """Six older orders of a second shop that the gateway does not know, answered 401: more than are tried at once."""
    strangers = range(1, 7)
    await shop.visit(*(shop.order(number, id_shop=2) for number in strangers), cookies=VISITOR)
    shop.front.answering = False
    await shop.visit(shop.order(9), cookies=VISITOR)
    shop.front.answering = True
    for _ in range(2):
        told = await shop.visit(["cron"])
    assert shop.pending(told) == list(strangers)
    assert len(await shop.arrived(9)) == 1


async def test_nobody_waits_long_for_what_others_left(shop: Shop) -> None:
    """A gateway that is slow takes what waits one order at a time while a customer pays; the scheduled task has time."""

    async def slow() -> None:
        await asyncio.sleep(1.1)

    shop.front.answering = False
    await shop.visit(*(shop.order(number) for number in (1, 2, 3)), cookies=VISITOR)
    shop.front.answering, shop.front.meanwhile = True, slow
    told = await shop.visit(shop.order(9))
    shop.front.meanwhile = None
    assert shop.pending(told) == [2, 3]
    assert shop.pending(await shop.visit(["cron"])) == []


async def test_a_change_while_an_older_one_is_told_is_told_too(shop: Shop) -> None:
    """The order is cancelled, and nobody hears it, while the gateway still answers that it was paid: that stays to be told."""

    async def cancelled() -> None:
        shop.front.meanwhile, shop.front.answering = None, False
        await shop.visit(shop.change(CANCELLED))
        shop.front.answering = True

    await shop.visit(shop.order(state=PLACED), cookies=VISITOR)
    shop.front.meanwhile = cancelled
    told = await shop.visit(shop.change(PAID))
    assert (shop.pending(told), shop.front.said[-1]["revoked"]) == ([], True), "told behind the answer"


async def test_what_waits_is_forgotten_after_a_month(shop: Shop) -> None:
    """It would be too old to count for three weeks."""
    shop.front.answering = False
    tables = ("ps_consent_gateway", "ps_consent_gateway_pending")
    aged = [["run", f"UPDATE {table} SET touched = DATE_SUB(NOW(), INTERVAL 31 DAY)"] for table in tables]  # noqa: S608 - of this test
    await shop.visit(shop.order(), *aged, cookies=VISITOR)
    told = await shop.visit(["cron"])
    assert all(rows == [] for rows in told.kept.values())


async def test_an_order_that_is_gone_is_told_no_more(shop: Shop) -> None:
    """It was deleted in the shop while it waited."""
    shop.front.answering = False
    await shop.visit(shop.order(), ["run", "DELETE FROM ps_orders"], cookies=VISITOR)
    shop.front.answering = True
    assert shop.pending(await shop.visit(["cron"])) == []
    assert shop.front.bodies == []


# ── nothing personal ─────────────────────────────────────────────────────────────────────────────────────────────


async def test_nothing_personal_is_logged_or_kept(shop: Shop) -> None:
    """Each order that was not taken is one line of the shop's log, however often it is tried; it names the order and nobody."""
    shop.front.answering = False
    canary = shop.order(email=CANARY), shop.order(6, email=CANARY)
    await shop.visit(*canary, cookies=VISITOR)
    told = await shop.visit(["cron"], ["cron"])
    assert [(line["object_type"], line["object_id"] - shop.first) for line in told.log] == [("Order", 5), ("Order", 6)]
    written = json.dumps([told.log, told.kept], ensure_ascii=False)
    assert not [word for word in (CANARY, "kanari", "Zoé", SECRET, "canary") if word.lower() in written.lower()]


async def test_nothing_but_the_documented_leaves(shop: Shop) -> None:
    """No name, no street, no telephone number and no key of the customer's."""
    await shop.visit(shop.order(email=CANARY), cookies=VISITOR)
    text = json.dumps(shop.front.said, ensure_ascii=False).replace(CANARY, "").lower()
    assert not [word for word in ("canar", "zoé", "kanari", "+33", "12 rue") if word in text]


# ── the module's settings ────────────────────────────────────────────────────────────────────────────────────────


UNFIT: Final = (
    ("http://gateway.example", SECRET),
    ("", SECRET),
    ("https://x.example", SECRET[:31]),
    ("https://x.example", f"<b>{SECRET}"),
)


async def test_settings_that_cannot_work_are_not_kept(shop: Shop) -> None:
    """No TLS, no address, too short a secret, and characters that PrestaShop itself would change."""
    told = await shop.visit(*(shop.settings(url, secret) for url, secret in UNFIT))
    assert ["alert-danger" in result for result in told.results] == [True] * len(UNFIT)
    assert all(f"CONSENT_GATEWAY_URL={shop.url}\n" in result for result in told.results)


async def test_a_secret_is_never_shown_and_stays_when_left_empty(shop: Shop) -> None:
    """Only the address is filled into the form; after it was sent again, orders are signed as before."""
    told = await shop.visit(["show"], shop.settings(secret=""), shop.order())
    assert SECRET not in "".join(told.results[:2])
    assert shop.front.answers == [200]


async def test_a_shop_that_is_not_set_up_tells_nobody(shop: Shop) -> None:
    """And goes on selling; what was sold is told once it is set up."""
    told = await shop.visit(["set", "CONSENT_GATEWAY_SECRET", ""], shop.order(), cookies=VISITOR)
    assert (shop.pending(told), shop.front.answers) == ([5], [])


async def test_nothing_stays_of_a_module_that_was_removed(shop: Shop) -> None:
    """Neither table, hook nor setting; installed again it begins empty."""
    told = await shop.visit(shop.order(), ["uninstall"], shop.change(PLACED), ["show"], cookies=VISITOR)
    assert (told.results[1], told.kept) == (True, {})
    assert "CONSENT_GATEWAY_URL=\n" in told.results[3]
    told = await shop.visit(["install"])
    assert set(map(len, told.kept.values())) == {0}


# ── the plugin for WooCommerce ───────────────────────────────────────────────────────────────────────────────────

CHECKOUTS: Final = ("woocommerce_checkout_create_order", "woocommerce_store_api_checkout_update_order_meta")
BOTH: Final = VISITOR | {"consent_gateway_client_id": "GA1.1.315691213.1760240992"}


@pytest.mark.parametrize("hook", CHECKOUTS)
async def test_the_plugin_hands_the_cookies_on(hook: str) -> None:
    """In the shortcode's checkout and in the block's; an order that has a value gets the new one in its place."""
    (meta,) = await checkouts(hook, BOTH, had={RECEIPT_META: "page-receipt-of-another"})
    assert {one["key"]: one["value"] for one in meta} == {RECEIPT_META: RECEIPT, CLIENT_META: BOTH["consent_gateway_client_id"]}
    assert len(meta) == 2


async def test_an_order_joins_consent_by_what_the_plugin_wrote(tmp_path: Path) -> None:
    """WooCommerce's webhook carries the order's `meta_data`, and the gateway finds the visitor's record by it."""
    (meta,) = await checkouts(CHECKOUTS[1], VISITOR)
    write_secrets(tmp_path)
    async with doorway(tmp_path, woocommerce.EDIT) as door:
        await door.tell({"consent": {"advertising": True, "receipt": RECEIPT}})
        answer = await woocommerce.send(door, "order.updated", woocommerce.order(meta_data=meta))
        assert (answer.status, (await door.only()).event_id) == (200, "727")


async def test_the_plugin_ignores_odd_cookies() -> None:
    """What is not of the form of either is not written into the order; nor is anything where there is none."""
    odd = [dict.fromkeys(BOTH, value) for value in (*ODD, "a" * 257)]
    assert await checkouts(CHECKOUTS[0], NOBODY, *odd) == [[]] * (len(odd) + 1)


async def test_the_plugin_waits_for_the_checkout() -> None:
    """An order that is made in another way, or saved later on, is none of the visitor's browser."""
    assert await checkouts("woocommerce_new_order", VISITOR) == [[]]
