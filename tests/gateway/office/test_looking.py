"""Looking round at every storefront: in pieces, between which others have their turn."""

import asyncio

from gateway.audit.standing import Readiness
from gateway.model.texts import StorefrontId
from gateway.office.looking import LOOKED_AT_ONCE, look_round
from tests.gateway.console.pages.test_overview import lane

SHOPS = [StorefrontId(f"shop{n}") for n in range(2 * LOOKED_AT_ONCE + 1)]


async def test_everybody_else_has_a_turn_between_the_pieces() -> None:
    """Every storefront is told of once, in its place, and no look is at more than a few."""
    looks: list[int] = []
    turns = 0

    def look(*of: StorefrontId) -> Readiness:
        looks.append(len(of))
        return Readiness(
            ready=True, why=None, test_endpoints=False, log="signed", lanes={str(shop): {"meta": lane()} for shop in of}
        )

    async def others() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    task = asyncio.create_task(others())
    told = [name async for lanes in look_round(look, SHOPS) for name in lanes]
    task.cancel()
    assert told == SHOPS
    assert looks == [LOOKED_AT_ONCE, LOOKED_AT_ONCE, 1]
    assert turns >= len(looks)
