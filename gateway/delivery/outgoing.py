"""Puts a request, what proves who is asking and where it goes together into the very thing that leaves.

Nothing is added after this: what the contract checks is what the transport writes. Pure.
"""

import re
from typing import Final

from gateway.adapter import Access, Request
from gateway.delivery.contract import Outgoing

ANSWER_HEADERS: Final = (
    ("Accept", "application/json"),
    ("Accept-Encoding", "identity"),  # a reply is short, and what is not compressed cannot be a bomb
    ("User-Agent", "consent-gateway"),
)
"""What every request says of itself and of the answer it wants."""

FIXED_HEADERS: Final = (*ANSWER_HEADERS, ("Content-Type", "application/json"))

RESERVED: Final = re.compile(r"[^A-Za-z0-9_.~-]", re.ASCII)


def compose(base_url: str, request: Request, access: Access) -> Outgoing:
    """Write out `request` to `base_url` (scheme and host) with its proofs: the token and what stands beside it."""
    proofs = "&".join([f"{name}={_encoded(secret.reveal())}" for name, secret in access.query])
    joint = "&" if "?" in request.path else "?"
    return Outgoing(
        method=request.method,
        origin=base_url,
        target=f"{request.path}{joint}{proofs}" if proofs else request.path,
        headers=(
            *FIXED_HEADERS,
            *request.headers,
            *((name, secret.reveal()) for name, secret in access.headers),
            ("Authorization", f"Bearer {access.token.reveal()}"),
        ),
        body=request.body,
    )


def _encoded(text: str) -> str:
    """Percent-encode visible ASCII for a query."""
    return RESERVED.sub(lambda found: f"%{ord(found[0]):02X}", text)
