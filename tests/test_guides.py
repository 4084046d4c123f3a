"""The guides hold what they promise: each is followed in an empty shop, by who agrees, by who refuses, by who says nothing."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page

from tests.console import chromium, leave, needs_console
from tests.guides import DOCS, GUIDES, buy, opened

pytestmark = needs_console
in_a_browser = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def browser() -> AsyncIterator[Browser]:
    """Debian's chromium."""
    async with chromium() as started:
        yield started


@pytest_asyncio.fixture(loop_scope="module")
async def page(browser: Browser) -> AsyncIterator[Page]:
    """A window that remembers nothing of another shop."""
    context = await browser.new_context()
    yield await context.new_page()
    await leave(context)


def is_sent(told: Any) -> set[str]:
    """Name the destinations that have confirmed the order."""
    return {name for name, one in told["destinations"].items() if one["state"] == "delivered"}


@in_a_browser
@pytest.mark.parametrize("guide", GUIDES)
async def test_a_guide_brings_an_order_with_consent_to_the_platforms(guide: str, page: Page, tmp_path: Path) -> None:
    """Accept, buy: the order is confirmed; and the page complains of nothing."""
    async with opened(guide, tmp_path / "shop") as shop:
        assert await buy(page, shop, "accept") == []
        told = await shop.until_known(GUIDES[guide].order)
        assert told["status"] == "accepted", told
        assert is_sent(told) == GUIDES[guide].reaches


@in_a_browser
@pytest.mark.parametrize(("guide", "choice"), [*((guide, "refuse") for guide in GUIDES), ("tag", None), ("woocommerce", None)])
async def test_without_a_yes_nothing_leaves(guide: str, choice: str | None, page: Page, tmp_path: Path) -> None:
    """Whoever refuses, or has not answered, is told of to nobody; what the shop's server says is refused."""
    async with opened(guide, tmp_path / "shop") as shop:
        assert await buy(page, shop, choice) == []
        await shop.installation.quiet()
        told = await shop.explain(GUIDES[guide].order)
        assert told is None or told["status"] == "refused"
        books = await shop.installation.accounts()
        assert books["by_status"].get("accepted", 0) == 0


@pytest.mark.parametrize("guide", GUIDES)
def test_a_guide_shows_its_picture(guide: str) -> None:
    """`make pictures` takes it."""
    assert f"(pictures/guide-{guide}.png)" in (DOCS / f"{guide}.md").read_text()
