"""What a page is: where it stands, what it shows, and what can be done on it. See `gateway.console` for how one is written."""

import hmac
from collections.abc import Awaitable, Callable, Mapping
from enum import unique
from typing import Final

import msgspec

from gateway.console.language import Words, msg
from gateway.console.roles import WHO, Roles, may
from gateway.console.rooms import Rooms
from gateway.console.sessions import Session
from gateway.model.texts import StorefrontId
from gateway.model.words import Word


class Caller(msgspec.Struct, frozen=True):
    """Who asks. `by` is how the signed log names them: an `entry.By`. `session` is None for whoever sends a token."""

    name: str
    roles: Roles
    by: str
    session: Session | None = None

    def __repr__(self) -> str:
        """Say nothing of who it is."""
        return "<Caller>"

    def may(self, method: str, path: str) -> bool:
        """Tell whether this caller may take a route."""
        return may((method, path), self.roles)


class Ask(msgspec.Struct, frozen=True, kw_only=True):
    """One request for a page: who asks, what for, in which language. `now` is Unix seconds."""

    caller: Caller
    path: str
    query: Mapping[str, str]
    storefront: StorefrontId
    storefronts: tuple[StorefrontId, ...]
    words: Words
    now: int


class Form(msgspec.Struct, frozen=True):
    """What was posted: fields by name, the last of each counts, and files by the name of their field."""

    fields: Mapping[str, str]
    files: Mapping[str, bytes] = {}

    def __repr__(self) -> str:
        """Say nothing of what it holds."""
        return "<Form>"

    def get(self, name: str) -> str:
        """Give a field's text, or nothing."""
        return self.fields.get(name, "")

    def has_csrf(self, session: Session, header: str) -> bool:
        """Tell whether the session's own token came with it, in the form or in a header."""
        given = (header or self.get(CSRF_FIELD)).encode("utf-8", "replace")
        return hmac.compare_digest(given, session.csrf.encode())


CSRF_FIELD: Final = "csrf"
CSRF_HEADER: Final = "X-CSRF-Token"


class View(msgspec.Struct, frozen=True):
    """What is shown: a struct of the page's own, which its template knows as `it`; a status and a template, if others."""

    it: msgspec.Struct
    status: int = 200
    template: str = ""


class Done(msgspec.Struct, frozen=True):
    """What was posted is done, or is not: the browser goes to `to`, where `notice` is said once, in the reader's language."""

    to: str
    notice: str
    well: bool = True


class Download(msgspec.Struct, frozen=True):
    """A file to keep; `name` of letters, digits, dots, dashes."""

    body: bytes
    name: str
    content_type: str


Shown = View | Download
Outcome = View | Done | Download
Show = Callable[[Ask, Rooms], Awaitable[Shown]]
Do = Callable[[Ask, Rooms, Form], Awaitable[Outcome]]


class Act(msgspec.Struct, frozen=True):
    """What can be posted to a path: who does it, and how much may be posted in how many seconds."""

    do: Do
    most_bytes: int = 64 * 1024
    seconds: float = 5.0


@unique
class Section(Word):
    """The parts of the navigation, in its order."""

    DELIVERY = "delivery"
    PRIVACY = "privacy"
    OPERATION = "operation"


SECTIONS: Final[Mapping[Section, str]] = {
    Section.DELIVERY: msg("Delivery"),
    Section.PRIVACY: msg("Privacy"),
    Section.OPERATION: msg("Operation"),
}


class Page(msgspec.Struct, frozen=True, kw_only=True):
    """A page: its path, its title (an English text), how it is shown, what can be posted and where.

    `section` None keeps it out of the navigation. `live`: it fetches its own part `#live` again when something changed.
    Who may see and do it stands in `roles.WHO`.
    """

    path: str
    title: str
    show: Show
    template: str
    section: Section | None = None
    acts: Mapping[str, Act] = {}
    live: bool = False


class Link(msgspec.Struct, frozen=True):
    """One line of the navigation."""

    path: str
    title: str
    here: bool


def navigation(pages: Mapping[str, Page], caller: Caller, here: str) -> dict[str, list[Link]]:
    """Give the links to pages that the caller may see, by section; sections without any are left out."""
    found: dict[str, list[Link]] = {}
    for section, title in SECTIONS.items():
        links = [
            Link(page.path, page.title, page.path == here)
            for page in pages.values()
            if page.section is section and ("GET", page.path) in WHO and caller.may("GET", page.path)
        ]
        if links:
            found[title] = links
    return found
