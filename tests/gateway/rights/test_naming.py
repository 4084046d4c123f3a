"""Who is meant: strictly read, hashed at once, and never repeated in a fault."""

from hashlib import sha256
from typing import Any, Final

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.minimise import email_digests
from gateway.model.texts import StorefrontId
from gateway.model.words import Destination, Fault
from gateway.persons import LONGEST, Identifier, Persons
from gateway.rights.due import Law
from gateway.rights.naming import BY_BROWSER, NAMES, Asked, Naming, Wrong, marks, named, read
from gateway.sources.strict import Unreadable

SHOP: Final = StorefrontId("shop")
PERSONS: Final = Persons(bytes(range(32)))
CANARY: Final = "canary-7f3a"
HEX: Final = "ab" * 32


def body(**said: Any) -> bytes:
    """Write a body."""
    return msgspec.json.encode(said)


def asked(**said: Any) -> Asked:
    """Read a body that can be meant."""
    found = read(body(**said))
    assert isinstance(found, Asked)
    return found


def test_an_address_becomes_the_digests_of_every_platform() -> None:
    """By the boundary's own function, so that what was stored is found; the address itself is in nothing that is kept."""
    naming = asked(email="  Jane.Doe+x@Gmail.com ").naming
    expected = email_digests("Jane.Doe+x@Gmail.com", tuple(Destination))
    assert expected is not None
    assert naming == Naming(digests=expected.distinct())
    assert len(naming.digests) == 2


def test_digests_stand_for_themselves() -> None:
    """By platform, as in events; each once."""
    assert asked(email_sha256={"meta": HEX, "google_ads": HEX}).naming == Naming(digests=(naming_digest(),))


def naming_digest() -> Any:
    """The digest of the tests."""
    return HEX


@pytest.mark.parametrize("kind", Identifier)
def test_identifiers_become_the_keys_that_records_have(kind: Identifier) -> None:
    """Blanks around them do not count, and a number stands for its digits."""
    naming = asked(**{kind: " 1001 "}).naming
    assert naming == asked(**{kind: 1001}).naming
    assert naming.person(SHOP, PERSONS).keys == (PERSONS.key(SHOP, kind, "1001"),)


def test_everything_that_is_named_is_looked_for() -> None:
    """Several names are one person."""
    naming = asked(email="jane@example.com", order_id="1001", receipt="r", client_id=None).naming
    person = naming.person(SHOP, PERSONS)
    assert (len(person.digests), len(person.keys)) == (1, 2)


def test_storefront_and_law_stand_beside_the_person() -> None:
    """No storefront means all of them, no law the GDPR."""
    assert asked(order_id="1", storefront="shop", law="california") == Asked(asked(order_id="1").naming, "shop", Law.CALIFORNIA)
    assert asked(order_id="1").law is Law.GDPR


@pytest.mark.parametrize(
    ("said", "field", "fault"),
    [
        ({}, None, Fault.MISSING),
        ({"email": None}, None, Fault.MISSING),
        ({"storefront": "shop"}, None, Fault.MISSING),
        ({"emial": f"{CANARY}@example.com"}, None, Fault.NOT_ONE_OF),
        ({f"{CANARY}@example.com": "email"}, None, Fault.NOT_ONE_OF),
        ({"email": CANARY}, "email", Fault.BAD_FORMAT),
        ({"email": ""}, "email", Fault.BAD_FORMAT),
        ({"email": [f"{CANARY}@example.com"]}, "email", Fault.WRONG_TYPE),
        ({"email_sha256": HEX}, "email_sha256", Fault.WRONG_TYPE),
        ({"email_sha256": {}}, "email_sha256", Fault.WRONG_TYPE),
        ({"email_sha256": {CANARY: HEX}}, "email_sha256", Fault.NOT_ONE_OF),
        ({"email_sha256": {"meta": CANARY}}, "email_sha256", Fault.BAD_FORMAT),
        ({"email_sha256": {"meta": HEX.upper()}}, "email_sha256", Fault.BAD_FORMAT),
        ({"email_sha256": {"meta": 7}}, "email_sha256", Fault.WRONG_TYPE),
        (
            {"email_sha256": {"meta": sha256(b"undefined").hexdigest()}},
            "email_sha256",
            Fault.BAD_FORMAT,
        ),
        (
            {"email_sha256": {"meta": "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"}},
            "email_sha256",
            Fault.BAD_FORMAT,
        ),
        ({"order_id": True}, "order_id", Fault.WRONG_TYPE),
        ({"order_id": 1.5}, "order_id", Fault.WRONG_TYPE),
        ({"order_id": "  "}, "order_id", Fault.BAD_FORMAT),
        ({"receipt": "x" * (LONGEST + 1)}, "receipt", Fault.TOO_LONG),
        ({"order_id": "1", "email": CANARY}, "email", Fault.BAD_FORMAT),
        ({"order_id": "1", "law": CANARY}, "law", Fault.NOT_ONE_OF),
        ({"order_id": "1", "law": ["gdpr"]}, "law", Fault.NOT_ONE_OF),
        ({"order_id": "1", "storefront": 7}, "storefront", Fault.WRONG_TYPE),
    ],
)
def test_what_cannot_be_meant_is_a_fault(said: dict[str, Any], field: str | None, fault: Fault) -> None:
    """It names the field and the rule, never the value; one bad name spoils the request, which would else find too little."""
    found = read(body(**said))
    assert found == Wrong(field, fault)
    assert CANARY not in repr(found)


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        (b'{"order_id": "1", "order_id": "2"}', Fault.DUPLICATE_KEY),
        (b'{"order_id": NaN}', Fault.NOT_FINITE),
        (b'{"order_id": "\\ud800"}', Fault.LONE_SURROGATE),
        (b"[]", Fault.WRONG_TYPE),
        (b'"jane@example.com"', Fault.WRONG_TYPE),
    ],
)
def test_it_is_read_as_strictly_as_an_event(text: bytes, fault: Fault) -> None:
    """Two readers cannot disagree about who was meant."""
    assert read(text) == Wrong(None, fault)


def test_what_is_no_json_is_said_to_be_none() -> None:
    """And nothing of it is in the exception."""
    with pytest.raises(Unreadable) as raised:
        read(CANARY.encode())
    assert CANARY not in repr(raised.value)
    assert raised.value.__cause__ is None


@pytest.mark.parametrize("name", sorted(NAMES - BY_BROWSER))
def test_a_page_names_its_own_browser_only(name: str) -> None:
    """Where fewer names are allowed, the others are faults: an order's number can be guessed."""
    assert read(body(**{name: "1"}), BY_BROWSER, frozenset()) == Wrong(None, Fault.NOT_ONE_OF)
    assert isinstance(read(body(receipt="r"), BY_BROWSER, frozenset()), Asked)
    assert isinstance(read(body(**dict.fromkeys(BY_BROWSER, "r")), BY_BROWSER, frozenset()), Asked)


@given(
    st.binary(max_size=60) | st.recursive(st.none() | st.booleans() | st.text(max_size=5), st.lists).map(msgspec.json.encode)
)
def test_nothing_that_comes_in_breaks_it(text: bytes) -> None:
    """Whatever the bytes are, the answer is a person, a fault or unreadable."""
    try:
        assert isinstance(read(text), Asked | Wrong)
    except Unreadable:
        return


def test_nothing_is_printed() -> None:
    """A person that ends up in a message says nothing of who it is."""
    naming = asked(order_id=CANARY).naming
    assert f"{naming}{naming!r}{asked(order_id=CANARY)!r}".count(CANARY) == 0


def test_marks_prove_and_do_not_tell() -> None:
    """The register's hashes are the same whenever the same person is named, and are none of the hashes in events."""
    person = asked(email="jane@example.com", order_id="1001").naming.person(SHOP, PERSONS)
    made = marks(SHOP, PERSONS, person)
    assert made == marks(SHOP, PERSONS, person)
    assert len(made) == 2
    assert not any(mark in digest for mark in made for digest in person.digests)
    assert set(made).isdisjoint(
        marks(StorefrontId("other"), PERSONS, asked(email="jane@example.com").naming.person(SHOP, PERSONS))
    )


# ── an address and orders ────────────────────────────────────────────────────────────────────────────────────────


def test_an_address_and_orders_name_a_person() -> None:
    """The digests of every platform, and each order once."""
    digests = email_digests("jane@example.com", tuple(Destination))
    assert digests is not None
    naming = named("jane@example.com", ["2", "1", "2"])
    assert naming == Naming(tuple(digests.distinct()), ((Identifier.ORDER_ID, "2"), (Identifier.ORDER_ID, "1")))


@pytest.mark.parametrize("email", [None, "", "no address"])
def test_what_names_nobody_is_nobody(email: str | None) -> None:
    """An address that is none is left out, as it is where events come in."""
    assert named(email, []) is None
    assert named(email, ["1"]) == Naming((), ((Identifier.ORDER_ID, "1"),))
