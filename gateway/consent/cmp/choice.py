"""What a visitor chose in a consent tool, and the one place where that becomes rows of the table. Pure."""

from typing import Final

import msgspec

from gateway.consent.statement import Context, Statements
from gateway.consent.table import (
    CMP_GPC,
    CMP_IMPLIED_YES,
    CMP_IN_FUTURE,
    CMP_NO,
    CMP_TOO_LONG_AGO,
    CMP_UNREADABLE,
    CMP_VENDOR_NO,
    CMP_VENDOR_YES,
    CMP_YES,
)
from gateway.model.words import Destination, Signal

MAX_AHEAD: Final = 86_400
"""How far a browser's clock may run ahead before its date is not believed, in seconds."""


class Choice(msgspec.Struct, frozen=True, gc=False):
    """A visitor's choice. `marketing`: advertising as a whole, None where the tool says nothing of it.

    `explicit`: the visitor made it; otherwise the tool took silence for a yes. `vendors`: answers about one platform.
    `chosen_at`: Unix seconds, None where the tool gives no date. `gpc`: the tool heard Global Privacy Control. `presumed`: what
    looks like an explicit yes may be what the tool had presumed, left as it was; only the storefront knows whether it asked.
    """

    marketing: bool | None = None
    explicit: bool = False
    vendors: tuple[tuple[Destination, bool], ...] = ()
    chosen_at: int | None = None
    gpc: bool = False
    presumed: bool = False


NOTHING: Final = Choice()
"""Nobody chose anything."""


def statements(tool: Signal, choice: Choice | None, context: Context) -> Statements:
    """Give the rows of a choice made in `tool`; None stands for one that could not be read.

    A no counts however old it is. A yes counts only while it is young enough, and of its date the context is told.
    """
    if choice is None:
        return CMP_UNREADABLE[tool]
    refused: Statements = ()
    for platform, answer in choice.vendors:
        if not answer:
            refused += CMP_VENDOR_NO[tool, platform]
    if choice.marketing is False:
        refused = CMP_NO[tool]
    granted = _granted(tool, choice, explicit=choice.explicit and (context.attested or not choice.presumed))
    if granted and choice.chosen_at is not None:
        granted = _dated(tool, granted, choice.chosen_at, context)
    return refused + granted + CMP_GPC[tool] if choice.gpc else refused + granted


def _granted(tool: Signal, choice: Choice, *, explicit: bool) -> Statements:
    if choice.marketing is False:
        return ()
    if not explicit:
        return CMP_IMPLIED_YES[tool] if choice.marketing else ()
    granted = CMP_YES[tool] if choice.marketing else ()
    for platform, answer in choice.vendors:
        if answer:
            granted += CMP_VENDOR_YES[tool, platform]
    return granted


def _dated(tool: Signal, granted: Statements, chosen_at: int, context: Context) -> Statements:
    if chosen_at > context.now + MAX_AHEAD:
        return CMP_IN_FUTURE[tool]
    context.date(chosen_at)
    return CMP_TOO_LONG_AGO[tool] if chosen_at < context.now - context.policy.max_age else granted
