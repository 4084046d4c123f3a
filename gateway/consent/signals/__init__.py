"""One file per consent signal: `read` takes the event's consent object and returns statements.

`READERS` is the order in which they are read and reported. What is neither there nor in `EVIDENCE` nor in `SILENT` is
read by `unsupported`, which refuses: a signal that cannot be read may be a refusal.
"""

from collections.abc import Callable, Mapping
from typing import Final

from gateway.consent.signals import advertising, citation, given_at, google, gpc, shopify, unsupported, vendors
from gateway.consent.statement import Context, Statements

Reader = Callable[[Mapping[str, object], Context], Statements]

READERS: Final[Mapping[str, Reader]] = {
    "given_at": given_at.read,
    "advertising": advertising.read,
    "vendors": vendors.read,
    "google": google.read,
    "shopify": shopify.read,
    "gpc": gpc.read,
    "receipt": citation.read,
    "join": citation.read,
    **dict.fromkeys(unsupported.NAMES, unsupported.read),
}
"""The key of the consent object that each reader answers for."""

EVIDENCE: Final = frozenset({"banner_version", "gpp_sid"})
"""Keys that say nothing by themselves: they qualify other evidence."""

SILENT: Final = frozenset({"analytics", "buyer_accepts_marketing", "dnt"})
"""Keys that are about something else than advertising: measuring, the newsletter, and a header without legal effect."""

KNOWN: Final = READERS.keys() | EVIDENCE | SILENT
"""Every key that a consent object may have; any other refuses."""
