"""The counter: reads what is asked over HTTP, has the desk do it for each storefront that is meant, and writes the answer.

An answer to something that cannot be meant names the field and the rule, never what stood there.
"""

from collections.abc import Awaitable, Mapping, Sequence
from typing import Final, Protocol, TypeVar

import msgspec
import orjson

from gateway.ledger import Right
from gateway.listener import Answer, answer, problem
from gateway.model.texts import StorefrontId
from gateway.rights.answers import Disclosure, Line, Receipt, line
from gateway.rights.desk import Desk, Via
from gateway.rights.due import Law
from gateway.rights.naming import BY_BROWSER, LAW, NAMES, OTHERS, STOREFRONT, Asked, Naming, Wrong, read
from gateway.sources.strict import Unreadable

PATHS: Final[Mapping[str, Right]] = {f"/api/v1/{right}": right for right in Right}
"""Where each right is asked for on the private listener."""
REGISTER: Final = "/api/v1/requests"


class Receipts(msgspec.Struct, frozen=True):
    """The answer to a withdrawal or an erasure: one receipt for each storefront that was meant."""

    receipts: tuple[Receipt, ...]


class Disclosures(msgspec.Struct, frozen=True):
    """The answer to an access request: one for each storefront that was meant."""

    disclosures: tuple[Disclosure, ...]


class Register(msgspec.Struct, frozen=True):
    """The register, the newest line first."""

    requests: tuple[Line, ...]


Told = Receipts | Disclosures
One_co = TypeVar("One_co", covariant=True)


async def do(desk: Desk, right: Right, asked: Asked, chosen: Sequence[StorefrontId], by: str | None = None) -> Told:
    """Do what an operator asked for each of the storefronts, one after another. Raises `outbox.Unavailable`.

    `by`: who it was, as an `entry.By`; None where nobody signs in.
    """
    match right:
        case Right.WITHDRAW:
            return Receipts(await _each(desk.withdraw, asked, chosen, by))
        case Right.ERASE:
            return Receipts(await _each(desk.erase, asked, chosen, by))
        case Right.ACCESS:
            return Disclosures(await _each(desk.access, asked, chosen, by))


class Serve(Protocol[One_co]):
    """One of the desk's rights."""

    def __call__(self, storefront: StorefrontId, naming: Naming, law: Law, via: Via, by: str | None) -> Awaitable[One_co]:
        """Serve it for a storefront."""


async def _each(serve: Serve[One_co], asked: Asked, chosen: Sequence[StorefrontId], by: str | None) -> tuple[One_co, ...]:
    return tuple([await serve(storefront, asked.naming, asked.law, Via.OPERATOR, by) for storefront in chosen])


def chosen_of(desk: Desk, storefront: str | None) -> Sequence[StorefrontId]:
    """Give the storefronts that are meant: the one of this name, or all; none when there is no such."""
    return [known for known in desk.storefronts if storefront in (None, known)]


async def register_of(desk: Desk, chosen: Sequence[StorefrontId]) -> Register:
    """Give the lines of the chosen storefronts, the newest first. Raises `outbox.Unavailable`."""
    lines = [one for storefront in chosen for one in await desk.requests(storefront)]
    return Register(tuple(line(one) for one in sorted(lines, key=lambda one: -one.number)))


class Counter:
    """Answers requests of the private and the public listener. Methods raise `outbox.Unavailable` when a store is shut."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def serve(self, right: Right, body: bytes, by: str) -> Answer:
        """Do what a body asks for; `by` is who asks, as an `entry.By`."""
        asked = read_body(body)
        if isinstance(asked, Answer):
            return asked
        chosen = chosen_of(self._desk, asked.storefront)
        if not chosen:
            return problem(404, "unknown_storefront")
        return answer(200, msgspec.json.encode(await do(self._desk, right, asked, chosen, by)))

    async def withdraw_for_server(self, storefront: StorefrontId, body: bytes) -> Answer:
        """Withdraw what a shop's server names; the answer is the receipt."""
        asked = read_body(body, others=frozenset({LAW}))
        if isinstance(asked, Answer):
            return asked
        receipt = await self._desk.withdraw(storefront, asked.naming, asked.law, Via.SERVER)
        return answer(200, msgspec.json.encode(receipt))

    async def withdraw_for_page(self, storefront: StorefrontId, body: bytes) -> None:
        """Withdraw what a browser says that it is known by; what cannot be meant changes nothing, and nobody is told."""
        asked = read_body(body, BY_BROWSER, frozenset())
        if not isinstance(asked, Answer):
            await self._desk.withdraw_browser(storefront, asked.naming)

    async def register(self, query: Mapping[str, str]) -> Answer:
        """Show the register."""
        chosen = chosen_of(self._desk, query.get(STOREFRONT))
        if not chosen:
            return problem(404, "unknown_storefront")
        return answer(200, msgspec.json.encode(await register_of(self._desk, chosen)))


def read_body(body: bytes, names: frozenset[str] = NAMES, others: frozenset[str] = OTHERS) -> Asked | Answer:
    """Read what is asked, or give the answer to what cannot be meant."""
    try:
        asked = read(body, names, others)
    except Unreadable:
        return problem(400, "not_json")
    return wrong(asked) if isinstance(asked, Wrong) else asked


def wrong(found: Wrong) -> Answer:
    """Answer that a rule was broken, and in which field."""
    return answer(400, orjson.dumps({"error": "invalid_request", "reason": found.fault, "field": found.field}))
