"""`python -m tests.pictures`: the pictures of `docs/pictures`, taken of a real gateway in a real browser.

Run it after a page has changed its looks. A shop has sold something, some visitors refused, a token expired, an order died.
"""

import asyncio
import io
import sys
import tempfile
from pathlib import Path
from typing import Final

from gateway.log import Log
from gateway.model.words import Destination
from gateway.sandbox.behaviour import Behaviour, Mode
from gateway.sandbox.platforms import Platforms
from tests.console import chromium, people, visiting
from tests.doorway import purchase, refused
from tests.guides import GUIDES, buy, opened, picture
from tests.live import inside, install
from tests.test_console_pages import post, until_paused

PICTURES: Final = Path(__file__).parent.parent / "docs/pictures"
WIDE: Final = {
    "overview": "/",
    "funnel": "/funnel?step=hour",
    "explain": "/explain?event=purchase&event_id=1001",
    "destinations": "/health",
    "dead-letters": "/dead-letters",
    "contracts": "/contracts",
    "consent": "/consent",
    "tag": "/snippet",
}
"""Pages by the name of their picture."""


async def take(folder: Path) -> None:
    """Take all of them."""
    async with Platforms.start() as platforms:
        installation = install(folder, platforms.base_urls)
        people(installation)
        async with inside(installation, Log(io.StringIO())), chromium() as browser:
            platforms[Destination.PINTEREST].switch.set(Behaviour(mode=Mode.REFUSE_EVENTS, event_ids=frozenset({"1040"})))
            sold = [purchase(str(number)) for number in range(1001, 1041)]
            await post(installation, *sold, *(refused(f"{number}") for number in range(1041, 1060)))
            await installation.quiet()
            platforms[Destination.META].switch.set(Behaviour(mode=Mode.EXPIRED_TOKEN))
            await post(installation, *(purchase(str(number)) for number in range(1060, 1064)))
            await until_paused(installation)
            async with visiting(browser, installation.private_url) as visit:
                await visit.sign_in("oli")
                for name, path in WIDE.items():
                    await visit.open(path)
                    await visit.page.wait_for_load_state("load")
                    await visit.page.screenshot(path=PICTURES / f"{name}.png")
            async with visiting(browser, installation.private_url, width=380, dark=True, language="fr-FR") as visit:
                await visit.sign_in("oli")
                await visit.open("/")
                await visit.page.screenshot(path=PICTURES / "overview-phone.png")


async def take_guides(folder: Path) -> None:
    """Follow each guide in an empty shop, and take the shop beside the console."""
    async with chromium() as browser:
        for guide, steps in GUIDES.items():
            async with opened(guide, folder / guide) as shop:
                page = await browser.new_page()
                await buy(page, shop, "accept")
                await shop.until_known(steps.order)
                (PICTURES / f"guide-{guide}.png").write_bytes(await picture(browser, shop, page))


def main() -> int:
    """Take the pictures."""
    PICTURES.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(take(Path(folder) / "shop"))
        asyncio.run(take_guides(Path(folder)))
    print(f"{len(WIDE) + 1 + len(GUIDES)} pictures in {PICTURES}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
