"""`cookiebot`, `onetrust`, `didomi`, `axeptio`, `pandectes`: what the tool's own JavaScript gives on the page, as plain data.

Which object it is, each tool's file says (`gateway.consent.cmp`). Consentmo documents none. Pure.
"""

from collections.abc import Callable, Mapping
from typing import Final

from gateway.consent.cmp import axeptio, cookiebot, didomi, onetrust, pandectes
from gateway.consent.cmp.choice import Choice, statements
from gateway.consent.policy import CmpRules
from gateway.consent.statement import Context, Statements
from gateway.model.words import Signal

OBJECTS: Final[Mapping[Signal, Callable[[object, CmpRules], Choice | None]]] = {
    Signal.COOKIEBOT: cookiebot.of_object,
    Signal.ONETRUST: onetrust.of_object,
    Signal.DIDOMI: didomi.of_object,
    Signal.AXEPTIO: axeptio.of_object,
    Signal.PANDECTES: pandectes.of_object,
}
"""By tool; the key in the consent object is the tool's name."""


def read_as(tool: Signal) -> Callable[[Mapping[str, object], Context], Statements]:
    """Give the reader of `consent[tool]`: null says nothing, what is not the tool's object refuses."""
    of_object = OBJECTS[tool]

    def read(consent: Mapping[str, object], context: Context) -> Statements:
        value = consent[tool.value]
        return () if value is None else statements(tool, of_object(value, context.policy.cmp), context)

    return read
