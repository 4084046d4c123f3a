"""Looking round: how the destinations of every storefront stand, a few storefronts at a time, for there may be thousands.

Between two looks events have their turn. So what is told of the first is some milliseconds older than what is told of the last.
"""

import asyncio
from collections.abc import AsyncIterator, Collection
from itertools import islice
from typing import Final

from gateway.audit.standing import LaneState, Lookout
from gateway.model.texts import StorefrontId

LOOKED_AT_ONCE: Final = 50
"""Storefronts: with three destinations each, a millisecond or two."""


async def look_round(look: Lookout, storefronts: Collection[StorefrontId]) -> AsyncIterator[dict[str, dict[str, LaneState]]]:
    """Give the states of all storefronts' destinations, by storefront and destination, in pieces."""
    names = iter(storefronts)
    while some := tuple(islice(names, LOOKED_AT_ONCE)):
        yield look(*some)["lanes"]
        await asyncio.sleep(0)
