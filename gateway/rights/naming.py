"""Who is meant: what a person names themselves by, read strictly, becomes what the stores can look for.

A clear e-mail address is hashed here, for every platform and by the boundary's own function, and goes no further. What
cannot be read is a fault that names the field and the rule, never the value; a field that is not known is a fault too, since
a misspelled one would find less than was meant. Pure.
"""

from collections.abc import Iterable, Mapping
from typing import Final

import msgspec

from gateway.minimise import DIGESTS_OF_NOBODY, email_digests
from gateway.model.texts import EmailDigest, PersonKey, StorefrontId
from gateway.model.words import Destination, Fault
from gateway.outbox.holdings import Person
from gateway.persons import LONGEST, Identifier, Persons
from gateway.rights.due import Law
from gateway.sources.strict import MAX_DEPTH, loads, taint_of

EMAIL: Final = "email"
EMAIL_SHA256: Final = "email_sha256"
STOREFRONT: Final = "storefront"
LAW: Final = "law"

NAMES: Final = frozenset({EMAIL, EMAIL_SHA256, *Identifier})
"""All that a person can be named by."""
BY_BROWSER: Final = frozenset({Identifier.RECEIPT, Identifier.CLIENT_ID})
"""What a page may name: what only the person's own browser knows."""
OTHERS: Final = frozenset({STOREFRONT, LAW})
"""What may stand beside it."""
EVERYBODY: Final = tuple(Destination)


class Naming(msgspec.Struct, frozen=True, gc=False):
    """What a person was named by, each digest or identifier once. Prints as `<Naming>`."""

    digests: tuple[EmailDigest, ...] = ()
    identifiers: tuple[tuple[Identifier, str], ...] = ()

    def __repr__(self) -> str:
        """Say nothing of what is inside."""
        return "<Naming>"

    def person(self, storefront: StorefrontId, persons: Persons) -> Person:
        """Give the person as a storefront's stores know them."""
        return Person(self.digests, tuple(persons.key(storefront, kind, text) for kind, text in self.identifiers))


class Asked(msgspec.Struct, frozen=True, gc=False):
    """What somebody asks: about whom, at which storefront (as it was written; None for all of them), under which law."""

    naming: Naming
    storefront: str | None = None
    law: Law = Law.GDPR


class Wrong(msgspec.Struct, frozen=True, gc=False):
    """Which rule a body broke, and in which field; None where it is no field of ours."""

    field: str | None
    fault: Fault


def named(email: str | None, orders: Iterable[str]) -> Naming | None:
    """Name a person by an address and by their orders' numbers; None where there is neither.

    An address that is none is left out: no event was ever kept under it.
    """
    digests = None if email is None else email_digests(email, EVERYBODY)
    found = () if digests is None else tuple(dict.fromkeys(digests.distinct()))
    naming = Naming(found, tuple((Identifier.ORDER_ID, number) for number in dict.fromkeys(orders)))
    return naming if naming.digests or naming.identifiers else None


def read(body: bytes, names: frozenset[str] = NAMES, others: frozenset[str] = OTHERS) -> Asked | Wrong:
    """Read a request's body, in which `names` and `others` may stand. Raises Unreadable when it is no JSON text."""
    value, doubtful = loads(body)
    if doubtful and (fault := taint_of(value, MAX_DEPTH)) is not None:
        return Wrong(None, fault)
    if not isinstance(value, dict):
        return Wrong(None, Fault.WRONG_TYPE)
    if not value.keys() <= names | others:
        return Wrong(None, Fault.NOT_ONE_OF)
    return _asked({name: said for name, said in value.items() if said is not None})


def _asked(said: Mapping[str, object]) -> Asked | Wrong:
    storefront, law = said.get(STOREFRONT), said.get(LAW, Law.GDPR)
    if storefront is not None and not isinstance(storefront, str):
        return Wrong(STOREFRONT, Fault.WRONG_TYPE)
    if not isinstance(law, str) or law not in frozenset(Law):
        return Wrong(LAW, Fault.NOT_ONE_OF)
    naming = _naming({name: value for name, value in said.items() if name in NAMES})
    return naming if isinstance(naming, Wrong) else Asked(naming, storefront, Law(law))


def _naming(said: Mapping[str, object]) -> Naming | Wrong:
    """Read what a person is named by: at least one name, and each of its form."""
    if not said:
        return Wrong(None, Fault.MISSING)
    digests: dict[EmailDigest, None] = {}
    for field, found in ((EMAIL, _of_address), (EMAIL_SHA256, _of_digests)):
        if field in said:
            made = found(said[field])
            if isinstance(made, Fault):
                return Wrong(field, made)
            digests |= dict.fromkeys(made)
    identifiers: list[tuple[Identifier, str]] = []
    for kind in Identifier:
        if kind in said:
            text = _text(said[kind])
            if isinstance(text, Fault):
                return Wrong(kind, text)
            identifiers.append((kind, text))
    return Naming(tuple(digests), tuple(identifiers))


def _of_address(said: object) -> Iterable[EmailDigest] | Fault:
    """Hash a clear address for every platform, however each of them writes it."""
    if not isinstance(said, str):
        return Fault.WRONG_TYPE
    digests = email_digests(said, EVERYBODY)
    return Fault.BAD_FORMAT if digests is None else digests.distinct()


def _of_digests(said: object) -> Iterable[EmailDigest] | Fault:
    """Read digests by platform, as events have them."""
    if not isinstance(said, dict) or not said:
        return Fault.WRONG_TYPE
    if not said.keys() <= frozenset(Destination):
        return Fault.NOT_ONE_OF
    made: list[EmailDigest] = []
    for digest in said.values():
        if not isinstance(digest, str):
            return Fault.WRONG_TYPE
        if EmailDigest.PATTERN.fullmatch(digest) is None or digest in DIGESTS_OF_NOBODY:
            return Fault.BAD_FORMAT
        made.append(EmailDigest(digest))
    return made


def _text(said: object) -> str | Fault:
    """Read an identifier; a whole number is taken for one, as shops write the numbers of orders."""
    text = str(said) if type(said) is int else said
    if not isinstance(text, str):
        return Fault.WRONG_TYPE
    plain = text.strip()
    if not plain:
        return Fault.BAD_FORMAT
    return plain if len(plain) <= LONGEST else Fault.TOO_LONG


def marks(storefront: StorefrontId, persons: Persons, person: Person) -> tuple[PersonKey, ...]:
    """Give the keyed hashes that the register keeps of a person: they prove whom a request was about, and nothing else."""
    digests = (persons.of_digest(storefront, digest) for digest in person.digests)
    return tuple(dict.fromkeys((*digests, *person.keys)))
