"""One file per consent signal: `read` takes the event's consent object and returns statements.

`READERS` is the order in which they are read and reported. What is neither there nor in `EVIDENCE` nor in `SILENT` is
read by `unsupported`, which refuses: a signal that cannot be read may be a refusal.
"""

from collections.abc import Callable, Mapping
from typing import Final

from gateway.consent.signals import (
    ac,
    advertising,
    citation,
    cookies,
    gcd,
    gcs,
    given_at,
    google,
    gpc,
    gpp,
    shopify,
    shopify_visitor,
    tcf,
    tools,
    us_privacy,
    vendors,
)
from gateway.consent.statement import Context, Statements

Reader = Callable[[Mapping[str, object], Context], Statements]

READERS: Final[Mapping[str, Reader]] = {
    "given_at": given_at.read,
    "advertising": advertising.read,
    "vendors": vendors.read,
    "google": google.read,
    "gcs": gcs.read,
    "gcd": gcd.read,
    "shopify": shopify.read,
    "shopify_visitor": shopify_visitor.read,
    "tcf": tcf.read,
    "ac": ac.read,
    "gpp": gpp.read,
    "us_privacy": us_privacy.read,
    "gpc": gpc.read,
    **{tool.value: tools.read_as(tool) for tool in tools.OBJECTS},
    "cookies": cookies.read,
    "receipt": citation.read,
    "join": citation.read,
}
"""The key of the consent object that each reader answers for."""

EVIDENCE: Final = frozenset({"banner_version", "gpp_sid"})
"""Keys that say nothing by themselves: they qualify other evidence."""

SILENT: Final = frozenset({"analytics", "buyer_accepts_marketing", "dnt"})
"""Keys that are about something else than advertising: measuring, the newsletter, and a header without legal effect."""

KNOWN: Final = READERS.keys() | EVIDENCE | SILENT
"""Every key that a consent object may have; any other refuses."""
