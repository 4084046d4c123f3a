"""The lines that a shop puts into its pages, for one storefront: the tag's own element, and Shopify's pixel filled in. Pure."""

import re
from html import escape
from importlib.resources import files
from typing import Final
from urllib.parse import urlsplit

from gateway.tag import INTEGRITY, ROUTE, VERSION

PIXEL: Final = files(__package__).joinpath("shopify-pixel.js").read_text("utf-8")


HOST: Final = re.compile(r"[\w.-]+|[0-9a-f:.]+")


class BadAddress(ValueError):
    """The gateway's public address cannot stand in a page; the text says the rule."""


def origin_of(address: str) -> str:
    """Read the gateway's public address, such as `https://gateway.shop.example`. Raises BadAddress."""
    try:
        parts = urlsplit(address)
        port = parts.port
    except ValueError:
        raise BadAddress("must be an address such as https://gateway.shop.example") from None
    local = parts.hostname in {"localhost", "127.0.0.1", "::1"}
    if parts.scheme != "https" and not (parts.scheme == "http" and local):
        raise BadAddress("must begin with https://, or browsers keep the tag out")
    if HOST.fullmatch(parts.hostname or "") is None:  # it goes between quotation marks, into a script and a policy
        raise BadAddress("must name a host of letters, digits, dots and dashes")
    if parts.path not in {"", "/"} or parts.query or parts.fragment or parts.username is not None:
        raise BadAddress("must be a scheme and a host, with nothing behind them")
    host = f"[{parts.hostname}]" if ":" in str(parts.hostname) else parts.hostname
    return f"{parts.scheme}://{host}" + ("" if port is None else f":{port}")


def snippet(address: str, key: str, *, clicks: bool = False, pages: bool = True) -> str:
    """Give the element for a page's head. `key` is the storefront's publishable key. Raises BadAddress.

    `clicks`: ids of ads are read from the page's address (a policy's question). `pages`: page views are told by themselves.
    """
    attributes = [
        "async",
        f'src="{origin_of(address)}{ROUTE}?v={VERSION}"',
        f'data-key="{escape(key)}"',
        *(["data-clicks"] if clicks else []),
        *([] if pages else ['data-pages="off"']),
        f'integrity="{INTEGRITY}"',
        'crossorigin="anonymous"',
    ]
    return f"<script {' '.join(attributes)}></script>"


def policy(address: str) -> str:
    """Give what a page's Content-Security-Policy must allow beside what it allows already. Raises BadAddress."""
    origin = origin_of(address)
    return f"script-src {origin}; connect-src {origin}"


def pixel(address: str, key: str) -> str:
    """Give Shopify's pixel for a storefront. Raises BadAddress."""
    return PIXEL.replace("{{address}}", origin_of(address)).replace("{{key}}", key)
