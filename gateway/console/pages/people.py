"""`/people`: who may what, who is signed in, and a way to end a session. For operators.

Who may what is decided in the configuration, where it is reviewed and recorded; it is only shown here.
"""

import msgspec

from gateway.console.language import msg
from gateway.console.page import Act, Ask, Done, Form, Page, Section, View
from gateway.console.roles import WHO, Role
from gateway.console.rooms import Rooms


class Account(msgspec.Struct, frozen=True):
    """Somebody, or a program, that may come in. `account` begins what the signed log calls them."""

    name: str
    roles: tuple[Role, ...]
    account: str


class Open(msgspec.Struct, frozen=True):
    """A session that is not over. `began_at` is Unix seconds, `idle` seconds since it was used."""

    id: str
    name: str
    began_at: int
    idle: float
    own: bool


class Right(msgspec.Struct, frozen=True):
    """A route, and the roles that may take it; None for everybody."""

    method: str
    path: str
    roles: tuple[Role, ...] | None


class People(msgspec.Struct, frozen=True):
    """What the page shows."""

    people: tuple[Account, ...]
    tokens: tuple[Account, ...]
    sessions: tuple[Open, ...]
    rights: tuple[Right, ...]
    roles: tuple[Role, ...] = tuple(Role)


async def show(ask: Ask, rooms: Rooms) -> View:
    """Show everybody."""
    own = ask.caller.session.id if ask.caller.session is not None else ""
    return View(
        People(
            people=tuple(Account(one.name, in_order(one.roles), one.account) for one in rooms.entrance.people()),
            tokens=tuple(Account(one.name, in_order(one.roles), one.account) for one in rooms.entrance.programs()),
            sessions=tuple(Open(one.id, one.name, one.began_at, one.idle, one.id == own) for one in rooms.entrance.signed_in()),
            rights=rights(),
        )
    )


def in_order(roles: frozenset[Role]) -> tuple[Role, ...]:
    """Give roles in the order of `Role`."""
    return tuple(role for role in Role if role in roles)


def rights() -> tuple[Right, ...]:
    """Give the table of who may what, by path."""
    return tuple(
        Right(method, path, None if roles is None else in_order(roles))
        for (method, path), roles in sorted(WHO.items(), key=lambda row: (row[0][1], row[0][0]))
    )


async def sign_out(_ask: Ask, rooms: Rooms, form: Form) -> Done:
    """End somebody's session."""
    if rooms.entrance.end(form.get("session")):
        return Done("/people", msg("The session has ended."))
    return Done("/people", msg("That session was over already."), well=False)


PAGE = Page(
    path="/people",
    title=msg("People and tokens"),
    show=show,
    template="people.html",
    section=Section.OPERATION,
    acts={"/people/sign-out": Act(sign_out)},
)
