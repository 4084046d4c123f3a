"""`/snippet`: the lines for a shop's pages: the browser's tag, what a page's policy must allow, and Shopify's pixel.

The same as `consent-gateway tag`. Keys are kept hashed, so whoever asks brings the publishable one; it is shown in what is made
and kept nowhere.
"""

import re
from typing import Final

import msgspec

from gateway.console.language import msg
from gateway.console.page import Act, Ask, Form, Outcome, Page, Section, View
from gateway.console.rooms import Rooms
from gateway.tag.snippet import BadAddress, pixel, policy, snippet

PUBLISHABLE: Final = re.compile(r"pk_[a-z0-9]{1,20}_[A-Za-z0-9_-]{43}", re.ASCII)


class Made(msgspec.Struct, frozen=True):
    """What is shown. `fault` names the field that cannot be meant; the lines are empty until both can."""

    address: str = ""
    clicks: bool = False
    fault: str | None = None
    element: str = ""
    policy: str = ""
    pixel: str = ""
    example: str = "https://gateway.shop.example"


async def show(_ask: Ask, _rooms: Rooms) -> View:
    """Ask for address and key."""
    return View(Made())


async def make(_ask: Ask, _rooms: Rooms, form: Form) -> Outcome:
    """Make the lines."""
    made = made_of(form.get("address").strip(), form.get("key").strip(), clicks=form.get("clicks") == "on")
    return View(made, status=200 if made.fault is None else 400)


def made_of(address: str, key: str, *, clicks: bool) -> Made:
    """Make the lines for an address and a key, or name the one that cannot be meant. A key is never shown on its own."""
    if PUBLISHABLE.fullmatch(key) is None:
        return Made(address, clicks, fault="key")
    try:
        return Made(
            address, clicks, element=snippet(address, key, clicks=clicks), policy=policy(address), pixel=pixel(address, key)
        )
    except BadAddress:
        return Made(address, clicks, fault="address")


PAGE = Page(
    path="/snippet",
    title=msg("Tag for the shop's pages"),
    show=show,
    template="snippet.html",
    section=Section.OPERATION,
    acts={"/snippet/make": Act(make)},
)
