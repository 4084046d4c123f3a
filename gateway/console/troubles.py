"""What people are told in place of a page, by the code that a program is told: in words, with the way back.

A person who mistypes an address, comes back to a form that is gone or meets a fault of ours sees a page in their language;
a program gets the same status with its code as JSON. Nothing of what was asked for is on the page. Pure.
"""

from collections.abc import Mapping
from typing import Final

import msgspec

from gateway.console.language import msg

PAGE_TYPE: Final = "text/html"


class Trouble(msgspec.Struct, frozen=True):
    """What is wrong, as people read it: a title and a sentence or two. Both are English texts, marked for translation."""

    title: str
    text: str


_NO_FORM: Final = Trouble(
    msg("The form could not be read"),
    msg("What came was no whole form. Open the page anew and try again; nothing was changed."),
)

UNAVAILABLE: Final = Trouble(
    msg("The store does not answer now"),
    msg("The gateway may be starting or stopping, or its store is full. Try again in a moment."),
)
"""What is said under any other code: most of them are why a store is shut."""

TROUBLES: Final[Mapping[str, Trouble]] = {
    "not_found": Trouble(
        msg("There is no such page"),
        msg("The address may be mistyped, or the page may have another one now."),
    ),
    "method_not_allowed": Trouble(
        msg("There is nothing to see at this address"),
        msg("It takes only what a form sends. Open the page of that form and start from there; nothing was changed."),
    ),
    "forbidden": Trouble(
        msg("This page is not for your role"),
        msg("Ask an operator if you need it: who may what stands in the gateway's configuration."),
    ),
    "csrf": Trouble(
        msg("The form was not sent"),
        msg("It did not come from this session's own page. Open the page anew and try again; nothing was changed."),
    ),
    "unknown_origin": Trouble(
        msg("The form was not sent"),
        msg(
            "The browser says that it comes from another address than the one that the gateway was asked by, or says nothing of"
            " it. Behind a proxy, have it pass `Host` on as it came. Nothing was changed."
        ),
    ),
    "unknown_host": Trouble(
        msg("The console does not answer to this name"),
        msg(
            "Open it by its own address, for instance `http://127.0.0.1:8081/`, or have an operator write the name down in"
            " `server.private_names`."
        ),
    ),
    "bad_query": Trouble(
        msg("This address asks for too much"),
        msg("It has more fields than any page knows. Open the page itself and choose there."),
    ),
    "body_too_large": Trouble(
        msg("That is more than this page takes"),
        msg("Send a smaller file or less text, or several files one after another. Nothing was changed."),
    ),
    "body_too_slow": Trouble(
        msg("It took too long to arrive"),
        msg("What was sent came too slowly to be waited for. Try again, or send a smaller file; nothing was changed."),
    ),
    "bad_body": _NO_FORM,
    "content_type": _NO_FORM,
    "content_encoding": _NO_FORM,
    "log_unavailable": Trouble(
        msg("Nothing was changed"),
        msg("The signed log cannot be written at the moment, and nothing is done that it does not record."),
    ),
    "internal_error": Trouble(
        msg("Something went wrong here"),
        msg("It is a fault of the gateway and not yours. Try again; if it stays, tell an operator: its place is in the log."),
    ),
}
"""By code."""

BEFORE_ANYBODY: Final = frozenset({"unknown_host", "unknown_origin"})
"""Codes of what is refused before it is looked who asks: whoever that is, the page is a stranger's."""


def trouble(code: str) -> Trouble:
    """Say in words what a code means."""
    return TROUBLES.get(code, UNAVAILABLE)


def reads_pages(accept: str) -> bool:
    """Tell whether whoever sends this header `Accept` is somebody at a browser: those name pages, programs do not."""
    return PAGE_TYPE in {part.partition(";")[0].strip().lower() for part in accept.split(",")}
