"""The tag as the public listener serves it: compressed once, kept by browsers, allowed to every page. Pure.

Under the address that names its version it may be kept for a year: that is the address of a page that names its integrity too,
and it never changes. Under the plain one it is kept for an hour, so that a shop has a new tag within the hour. Each coding has
an entity tag of its own, which stands for bytes (https://www.rfc-editor.org/rfc/rfc9110#section-8.8.3, read 2026-11-27).
"""

import re
from collections.abc import Mapping
from typing import Final

from aiohttp import hdrs

from gateway.listener import Answer, answer
from gateway.tag import TAG, TAG_GZIPPED, VERSION

GZIP: Final = "gzip"
AS_IT_IS: Final = ""
ETAGS: Final[Mapping[str, str]] = {AS_IT_IS: f'"{VERSION}"', GZIP: f'"{VERSION}-gzip"'}
SCRIPT: Final = "text/javascript; charset=utf-8"
HOUR: Final = "public, max-age=3600"
YEAR: Final = "public, max-age=31536000, immutable"
ALWAYS: Final[Mapping[str, str]] = {
    "Access-Control-Allow-Origin": "*",
    "Cross-Origin-Resource-Policy": "cross-origin",
    "Vary": "Accept-Encoding",
}
"""A page that names the tag's integrity asks for it with CORS (https://www.w3.org/TR/SRI/, read 2026-11-26)."""


def serve_tag(headers: Mapping[str, str], query: str) -> Answer:
    """Answer `GET /tag.js`, with the script or with 304 for whoever has it, in the coding that is asked for."""
    gzipped, plain = _weights(headers.get(hdrs.ACCEPT_ENCODING))
    if not gzipped and not plain:
        return answer(406, b"", {**ALWAYS, "Cache-Control": "no-store"})
    etag = ETAGS[coding := GZIP if gzipped and gzipped >= plain else AS_IT_IS]
    kept = {**ALWAYS, "ETag": etag, "Cache-Control": YEAR if query == f"v={VERSION}" else HOUR}
    if _has(headers.get(hdrs.IF_NONE_MATCH, ""), etag):
        return answer(304, b"", kept, SCRIPT)
    return answer(200, TAG_GZIPPED, {**kept, "Content-Encoding": GZIP}, SCRIPT) if coding else answer(200, TAG, kept, SCRIPT)


def _has(said: str, etag: str) -> bool:
    """Say whether an If-None-Match names this entity tag, weakly compared, or is `*`."""
    return said.strip() == "*" or etag in [tag.strip().removeprefix("W/") for tag in said.split(",")]


CODING: Final = re.compile(r"([^\s;]+)(?:\s*;\s*q=([01](?:\.[0-9]{0,3})?))?", re.ASCII)
"""A content coding and its weight (https://www.rfc-editor.org/rfc/rfc9110#section-12.5.3, read 2026-11-27)."""
LEAST: Final = 0.0001
"""The weight of what nobody named: below all that can be written."""


def _weights(accepted: str | None) -> tuple[float, float]:
    """Say how much gzip, and the script as it is, are wanted by this Accept-Encoding; 0 for what is not taken.

    Who says nothing of the script as it is takes it, unless all that is not named is excluded. A coding that stands twice
    counts with its lowest weight, and one of another form not at all.
    """
    said: dict[str, float] = {}
    for part in (accepted or "").lower().split(","):
        if found := CODING.fullmatch(part.strip()):
            name, weight = found[1].removeprefix("x-"), min(float(found[2] or 1), 1.0)
            said[name] = min(weight, said.get(name, 1.0))
    others = said.get("*")
    plain = said.get("identity", 0.0 if others == 0 else LEAST)
    return said.get("gzip", others or 0.0), plain
