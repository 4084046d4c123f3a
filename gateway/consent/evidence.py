"""Evidence: what a person decided earlier, kept as a record, and which record an event means when it cites one.

An order from a shop's backend says nothing of consent itself; it names what the browser's record can be found by: a
receipt, or the cart, the checkout, the order or the client id. A record holds what its signals said (rows of the table,
not the signals), when the person decided, and where that was. Several records can be meant by one event: of one browser the
latest counts, of several browsers all of them, so that a refusal in any of them wins; so does one whose place in time is in
doubt. Pure.
"""

import re
from collections.abc import Iterable, Sequence
from typing import Final

import msgspec

from gateway.consent.place import NOWHERE, Mention
from gateway.consent.policy import Policy
from gateway.consent.statement import Statements
from gateway.consent.table import RECORD_TOO_OLD, RECORD_WITHDRAWN
from gateway.model.texts import EvidenceId, PersonKey
from gateway.persons import LONGEST, NOBODYS, Identifier
from gateway.spelling import misspelt

RECEIPT: Final = "receipt"
JOIN: Final = "join"
JOINS: Final = frozenset({Identifier.CART_TOKEN, Identifier.CHECKOUT_TOKEN, Identifier.ORDER_ID, Identifier.CLIENT_ID})
"""The names that `join` may use."""

_put_together: Final = re.compile(r"(?:undefined|null|none|nan)(?:[._-](?:undefined|null|none|nan))+|-[0-9]+").fullmatch
"""As those (`NOBODYS`), several of them (`undefined.undefined`), or a negative number."""
_unfilled: Final = re.compile(r"\{\{|\{%|\$\{").search
"""A template that nobody filled in, which is the same for everybody too."""

Citation = tuple[tuple[Identifier, str], ...]
"""What an event says that its record, or its person, can be found by; still in the clear."""


class Record(msgspec.Struct, frozen=True, gc=False):
    """A consent record, as far as a decision depends on it. Times are Unix seconds.

    `browser` is the key of its client id, else of its receipt. `receipt`: the receipt's key where it is not that one. Records
    are of one browser if they have the same client id or, where one of them has none, the same receipt. `keys`: all that the
    record can be found by.
    `given_at`: when the person decided, at the latest when the record came in. `personalised`: the answer to personalised
    advertising. `withdrawn`: the person has taken it back since.
    """

    id: EvidenceId
    browser: PersonKey
    received_at: int
    given_at: int
    statements: Statements
    personalised: bool | None = None
    place: Mention = NOWHERE
    withdrawn: bool = False
    receipt: PersonKey | None = None
    keys: tuple[PersonKey, ...] = ()

    @property
    def own(self) -> tuple[PersonKey, ...]:
        """The keys that its browser alone knows: those of its client id and of its receipt."""
        return (self.browser,) if self.receipt is None else (self.browser, self.receipt)


class Evidence(msgspec.Struct, frozen=True, gc=False):
    """What the records that an event cites say together. `id` is the newest's, `given_at` the oldest's.

    `persons` are all keys of these records. Whoever goes by a record is known by all that finds the record: a visitor takes
    consent back by a receipt, and the order that it allowed had cited a cart.
    """

    id: EvidenceId
    statements: Statements
    given_at: int
    personalised: bool | None = None
    mentions: tuple[Mention, ...] = ()
    persons: tuple[PersonKey, ...] = ()


def cites(consent: object) -> bool:
    """Say whether a consent object may cite anything. Cheap: asked of every event."""
    return type(consent) is dict and (RECEIPT in consent or JOIN in consent)


def cited(consent: object) -> Citation | None:
    """Give what a consent object cites, empty if nothing; None when it cites something that is not of its form.

    `receipt` is text; `join` an object whose values are text. Names that it does not know are of no use, but one of its own in
    other letters (`cartToken`) is not of its form: a record or a withdrawal under it would not be heard. Numbers are taken
    for order ids, as shops write them. What stands for no identifier (`NOBODYS` and the like) is not cited.
    """
    if type(consent) is not dict:
        return ()
    receipt, join = consent.get(RECEIPT), consent.get(JOIN)
    if receipt is None and join is None:
        return ()
    named: list[tuple[Identifier, object]] = [] if receipt is None else [(Identifier.RECEIPT, receipt)]
    if join is not None:
        if type(join) is not dict or misspelt(join.keys(), JOINS):
            return None
        named += [(name, join[name]) for name in JOINS if join.get(name) is not None]
    found = [(name, _text(value)) for name, value in named]
    if any(text is None for _, text in found):
        return None
    return tuple((name, text) for name, text in sorted(found) if text is not None and not _is_nobodys(text.lower()))


def _is_nobodys(text: str) -> bool:
    return text in NOBODYS or _put_together(text) is not None or _unfilled(text) is not None


def _text(value: object) -> str | None:
    text = str(value) if type(value) is int else value
    if type(text) is not str or len(text) > LONGEST:
        return None
    return text.strip() or None


def combine(records: Sequence[Record], policy: Policy, now: int) -> Evidence | None:
    """Put the records of one event together, None if there are none. Of each browser the latest counts."""
    counted = sorted(_latest(records), key=lambda record: (record.received_at, record.id))
    if not counted:
        return None
    said = (statement for record in counted for statement in _standing(record, policy, now))
    return Evidence(
        id=counted[-1].id,
        statements=tuple(dict.fromkeys(said)),
        given_at=min(record.given_at for record in counted),
        personalised=_agreed(record.personalised for record in counted),
        mentions=tuple(dict.fromkeys(record.place for record in counted)),
        persons=tuple(dict.fromkeys(key for record in counted for key in record.keys)),
    )


def _latest(records: Iterable[Record]) -> list[Record]:
    """Leave out what a record of the same browser took the place of: one that came in later and was decided later.

    A consent tool may date a choice by its day alone, and what was posted first may come in second. So where the two
    orders do not agree, or the second is the same, both records count.
    """
    newest: dict[Mark, Record] = {}
    left: list[Record] = []
    for record in sorted(records, key=lambda record: (record.received_at, record.given_at), reverse=True):
        later = [newest[mark] for mark in _sought(record) if mark in newest]
        if not any(one.given_at >= record.given_at and not _same_moment(one, record) for one in later):
            left.append(record)
        for mark in _marks(record):
            if mark not in newest or newest[mark].given_at < record.given_at:
                newest[mark] = record
    return left


Mark = tuple[str, PersonKey]
"""What a record's browser is told by: a client id, or a receipt, of any record or of one without a client id."""


def _marks(record: Record) -> tuple[Mark, Mark]:
    """Give what a record's browser is told by for those that came before."""
    *_, receipt = record.own
    return ("any", receipt), ("bare", receipt) if record.receipt is None else ("client", record.browser)


def _sought(record: Record) -> tuple[Mark, ...]:
    """Give what a record of the same browser has: the same client id or, where one of the two has none, the same receipt."""
    *_, receipt = record.own
    return (("any", receipt),) if record.receipt is None else (("client", record.browser), ("bare", receipt))


def _same_moment(one: Record, other: Record) -> bool:
    return (one.given_at, one.received_at) == (other.given_at, other.received_at)


def _standing(record: Record, policy: Policy, now: int) -> Statements:
    """What a record says today: its own statements, and that it was taken back or is too old."""
    statements = record.statements
    if record.withdrawn:
        statements += RECORD_WITHDRAWN
    if record.given_at < now - policy.max_age:
        statements += RECORD_TOO_OLD
    return statements


def _agreed(answers: Iterable[bool | None]) -> bool | None:
    """Give the common answer: a no stands, a yes counts only beside no no."""
    given = {answer for answer in answers if answer is not None}
    return None if not given else given == {True}
