"""The tag as the public listener serves it: compressed once, kept by browsers, allowed to every page. Pure.

Under the address that names its version it may be kept for a year: that is the address of a page that names its integrity too,
and it never changes. Under the plain one it is kept for an hour, so that a shop has a new tag within the hour.
"""

from collections.abc import Mapping
from typing import Final

from aiohttp import hdrs

from gateway.listener import Answer, answer
from gateway.tag import TAG, TAG_GZIPPED, VERSION

ETAG: Final = f'"{VERSION}"'
SCRIPT: Final = "text/javascript; charset=utf-8"
HOUR: Final = "public, max-age=3600"
YEAR: Final = "public, max-age=31536000, immutable"
ALWAYS: Final[Mapping[str, str]] = {
    "Access-Control-Allow-Origin": "*",
    "Cross-Origin-Resource-Policy": "cross-origin",
    "ETag": ETAG,
    "Vary": "Accept-Encoding",
}
"""A page that names the tag's integrity asks for it with CORS (https://www.w3.org/TR/SRI/, read 2026-11-26)."""


def serve_tag(headers: Mapping[str, str], query: str) -> Answer:
    """Answer `GET /tag.js`, with the script or with 304 for whoever has it."""
    kept = {**ALWAYS, "Cache-Control": YEAR if query == f"v={VERSION}" else HOUR}
    if ETAG in headers.get(hdrs.IF_NONE_MATCH, ""):
        return answer(304, b"", kept, SCRIPT)
    if "gzip" in headers.get(hdrs.ACCEPT_ENCODING, "").lower():
        return answer(200, TAG_GZIPPED, {**kept, "Content-Encoding": "gzip"}, SCRIPT)
    return answer(200, TAG, kept, SCRIPT)
