"""Consent records to bytes and back: nothing changes, nothing opens elsewhere, nothing unknown allows anything."""

from collections.abc import Callable
from enum import StrEnum
from typing import Any, Final

import msgspec
import orjson
import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import given
from hypothesis import strategies as st

from gateway.consent.evidence import Record
from gateway.consent.place import coded
from gateway.consent.statement import Statement, Statements
from gateway.consent.table import RECORD_UNREADABLE
from gateway.ledger import Deposit, Proof, Version
from gateway.ledger.codec import FORM, Beside, Codec, number_of, numbers_of, pack, pack_record, seal, unpack, unseal, write
from gateway.model.texts import EvidenceId, PersonKey, StorefrontId
from gateway.model.words import Destination, Refusal, Signal, State
from gateway.storage import Unreadable
from tests.gateway.consent.test_table import ROWS
from tests.gateway.ledger.making import NOW, OTHER, deposit, key, name

CIPHER: Final = AESGCM(bytes(32))
NONCE: Final = bytes(12)
CODEC: Final = Codec()


def matching(kind: type[Any]) -> st.SearchStrategy[Any]:
    """Any value of a checked string."""
    return st.from_regex(kind.PATTERN, fullmatch=True).map(kind)


STATEMENTS: Final[st.SearchStrategy[Statements]] = st.lists(
    st.builds(
        Statement,
        st.sampled_from(Signal),
        st.sampled_from(State),
        st.lists(st.sampled_from(Destination), unique=True).map(tuple),
        st.none() | st.sampled_from(Refusal),
    ),
    max_size=6,
).map(tuple)


@st.composite
def records(draw: st.DrawFn) -> Record:
    """A record of a browser that is told by its receipt or by a client id beside one, and maybe found by more."""
    own, more = (draw(st.lists(matching(PersonKey), min_size=n, max_size=n + 2, unique=True)) for n in (1, 0))
    own = own[:2]
    parts = st.builds(
        Record,
        id=matching(EvidenceId),
        browser=st.just(own[0]),
        received_at=st.integers(0, 2**33),
        given_at=st.integers(0, 2**33),
        statements=STATEMENTS,
        personalised=st.none() | st.booleans(),
        place=st.tuples(st.none() | st.text(max_size=20), st.none() | st.text(max_size=20)),
        receipt=st.just(own[1] if len(own) > 1 else None),
        keys=st.just(tuple(dict.fromkeys((*own, *more)))),
    )
    return draw(parts)


DEPOSITS: Final[st.SearchStrategy[Deposit]] = st.builds(
    Deposit,
    storefront=matching(StorefrontId),
    record=records(),
    proofs=st.lists(st.builds(Proof, st.text(), st.none() | st.text(), st.none() | st.text()), max_size=3).map(tuple),
    decided=st.lists(st.tuples(st.sampled_from(Destination), st.none() | st.sampled_from(Refusal)), max_size=3).map(tuple),
    rule=st.text(),
    banner_version=st.none() | matching(Version),
    policy_version=st.none() | matching(Version),
)


def beside(kept: Deposit) -> Beside:
    """What lies open beside a record."""
    return Beside(kept.storefront, kept.record.id, kept.record.received_at, pack_record(kept.record))


def sealed(kept: Deposit) -> bytes:
    """Seal a record."""
    return CODEC.seal(CIPHER, NONCE, kept, beside(kept))


def opened(kept: Deposit) -> Deposit:
    """Seal it and open it."""
    return CODEC.open(CIPHER, sealed(kept), beside(kept), withdrawn=False)


def stored(**changes: Any) -> list[Any]:
    """A record as it is written out, some of its places changed by number (`_3`)."""
    content: list[Any] = orjson.loads(write(deposit(1)))
    for place, value in changes.items():
        content[int(place[1:])] = value
    return content


def read(content: object) -> Deposit:
    """Open what has this content."""
    kept = deposit(1)
    blob = seal(CIPHER, NONCE, CODEC._compress(orjson.dumps(content)), beside(kept).place)
    return CODEC.open(CIPHER, blob, beside(kept), withdrawn=False)


@given(DEPOSITS)
def test_a_record_is_read_as_it_was_written(kept: Deposit) -> None:
    """All of it, only that its place is reduced to codes."""
    record = msgspec.structs.replace(kept.record, place=coded(kept.record.place))
    assert opened(kept) == msgspec.structs.replace(kept, record=record)


@pytest.mark.parametrize("row", sorted({name for name, _ in ROWS}))
def test_every_row_of_the_table_is_read_as_it_was_written(row: str) -> None:
    """What a signal can say is what a record can hold."""
    statements = tuple(statement for name, statement in ROWS if name == row)
    assert opened(deposit(1, statements=statements)).record.statements == statements


def test_a_withdrawal_is_noted_beside_the_record() -> None:
    """It is not part of what was sealed, which never changes."""
    kept = deposit(1)
    assert CODEC.open(CIPHER, sealed(kept), beside(kept), withdrawn=True).record.withdrawn


# ── codes of other versions ──────────────────────────────────────────────────────────────────────────────────────

KEPT_CODES: Final[dict[type[StrEnum], str]] = {
    Signal: "advertising vendors google gcs gcd shopify shopify_visitor tcf ac gpp us_privacy gpc cookiebot onetrust didomi"
    " axeptio pandectes consentmo given_at minor record unsupported",
    State: "granted permitted denied opted_out invalid",
    Destination: "meta pinterest google_ads",
}
"""Codes that lie in ledgers. Codes may be added; one that is taken away, or renamed, turns records into refusals."""


@pytest.mark.parametrize("codes", list(KEPT_CODES))
def test_codes_that_lie_in_ledgers_are_known_for_ever(codes: type[StrEnum]) -> None:
    """Renaming a signal would make every record that it is in unreadable."""
    assert {codes(code) for code in KEPT_CODES[codes].split()} == set(codes)


@pytest.mark.parametrize(
    "statement",
    [
        ["telepathy", "granted", ["meta"], None],
        ["tcf", "presumed", ["meta"], None],
        ["tcf", "granted", ["meta", "tiktok"], None],
        ["tcf", "denied", ["meta"], "bad_mood"],
    ],
)
def test_a_code_that_is_not_known_refuses(statement: list[Any]) -> None:
    """It may have been a refusal; what else the record says stays as it is."""
    known = ["advertising", "granted", ["meta"], None]
    found = read(stored(_1=[known, statement])).record.statements
    assert found == (Statement(Signal.ADVERTISING, State.GRANTED, (Destination.META,)), *RECORD_UNREADABLE)


def test_a_decision_of_another_version_is_shown_as_far_as_it_is_known() -> None:
    """A reason that is not known is none of a yes; a platform that is not known is left out."""
    found = read(stored(_5=[["meta", "bad_mood"], ["tiktok", None], ["google_ads", None]]))
    assert found.decided == ((Destination.META, Refusal.RECORD_UNREADABLE), (Destination.GOOGLE_ADS, None))


@pytest.mark.parametrize(
    "content",
    [stored()[:-1], [*stored(), 1], {}, None, stored(_1=[["tcf"]]), stored(_1=None), stored(_3=["FR"]), stored(_4=[[1]])],
)
def test_content_of_another_shape_is_unreadable(content: object) -> None:
    """And never half read."""
    with pytest.raises(Unreadable):
        read(content)


# ── seals ────────────────────────────────────────────────────────────────────────────────────────────────────────

MOVES: Final[dict[str, Callable[[Beside], Beside]]] = {
    "storefront": lambda place: place._replace(storefront=OTHER),
    "name": lambda place: place._replace(name=name(2)),
    "time": lambda place: place._replace(received_at=NOW + 1),
    "keys": lambda place: place._replace(keys=pack((key("somebody else"),))),
    "one more key": lambda place: place._replace(keys=place.keys + pack((key("x"),))),
}


@pytest.mark.parametrize("move", MOVES)
def test_a_record_opens_only_in_its_place(move: str) -> None:
    """Nobody can give it to another shop, another person or another time."""
    kept = deposit(1, "cart")
    with pytest.raises(Unreadable):
        CODEC.open(CIPHER, sealed(kept), MOVES[move](beside(kept)), withdrawn=False)


@given(st.integers(0), st.integers(1, 255))
def test_a_changed_byte_makes_it_unreadable(at: int, change: int) -> None:
    """Wherever it is."""
    kept = deposit(1, "cart")
    blob = bytearray(sealed(kept))
    blob[at % len(blob)] ^= change
    with pytest.raises(Unreadable):
        CODEC.open(CIPHER, bytes(blob), beside(kept), withdrawn=False)


@pytest.mark.parametrize("blob", [b"", bytes([FORM]), bytes([FORM + 1]) + bytes(40), bytes([FORM]) + bytes(14)])
def test_what_is_no_blob_is_unreadable(blob: bytes) -> None:
    """Cut short, or of another form."""
    with pytest.raises(Unreadable):
        unseal(CIPHER, blob, b"place")


def test_what_records_have_in_common_costs_little() -> None:
    """A record of one yes takes less than 120 bytes, seal and all."""
    assert len(sealed(deposit(1))) < 120
    assert len(write(deposit(1))) > 200


# ── keys ─────────────────────────────────────────────────────────────────────────────────────────────────────────


@given(st.lists(matching(PersonKey), max_size=6))
def test_keys_are_packed_without_loss(keys: list[PersonKey]) -> None:
    """In their order, repeats left out; as numbers too, which are those that the index has."""
    distinct = tuple(dict.fromkeys(keys))
    assert unpack(pack(keys)) == distinct
    assert numbers_of(pack(keys)) == tuple(map(number_of, distinct))
