"""Person keys: stable, apart by kind and storefront, and nothing of the identifier in them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.model.texts import EmailDigest, PersonKey, StorefrontId
from gateway.persons import LONGEST, Identifier, Persons

SHOP, OTHER = StorefrontId("shop"), StorefrontId("other")
PERSONS = Persons(bytes(range(32)))


def test_equal_identifiers_have_equal_keys() -> None:
    """A record is found again by what it was filed under, also with blanks around it and after a restart."""
    made = PERSONS.key(SHOP, Identifier.ORDER_ID, "1001")
    assert made == Persons(bytes(range(32))).key(SHOP, Identifier.ORDER_ID, " 1001 ")
    assert PersonKey.PATTERN.fullmatch(made)


@given(st.sampled_from(Identifier), st.sampled_from(Identifier), st.text("ab|", min_size=1, max_size=4).filter(str.strip))
def test_kinds_and_storefronts_are_apart(one: Identifier, other: Identifier, text: str) -> None:
    """The same text as an order id and as a client id, or in two shops, is not the same person."""
    assert (PERSONS.key(SHOP, one, text) == PERSONS.key(SHOP, other, text)) is (one is other)
    assert PERSONS.key(SHOP, one, text) != PERSONS.key(OTHER, one, text)


def test_a_key_is_made_the_same_way_in_two_steps() -> None:
    """What is the same for all of a storefront's identifiers of a kind can be hashed once."""
    begun = PERSONS.hasher(SHOP, Identifier.ORDER_ID).copy()
    begun.update(b"1001")
    assert begun.hexdigest() == PERSONS.key(SHOP, Identifier.ORDER_ID, "1001")


@pytest.mark.parametrize(
    "address", ["gid://shopify/Order/1001", "gid://shopify/OrderIdentity/1001", " gid://shopify/Order/1001 "]
)
def test_an_orders_address_is_its_number(address: str) -> None:
    """Of an order only, and only if it is such an address and nothing else."""
    assert PERSONS.key(SHOP, Identifier.ORDER_ID, address) == PERSONS.key(SHOP, Identifier.ORDER_ID, "1001")
    assert PERSONS.key(SHOP, Identifier.CART_TOKEN, address) != PERSONS.key(SHOP, Identifier.CART_TOKEN, "1001")
    for other in (f"{address.strip()}x", f"x{address.strip()}", address.replace("Order", "Cart")):
        assert PERSONS.key(SHOP, Identifier.ORDER_ID, other) != PERSONS.key(SHOP, Identifier.ORDER_ID, "1001")


@pytest.mark.parametrize(
    "written",
    ["c1-9f2?key=824bdj25", " c1-9f2?key=824bdj25 ", "gid://shopify/Cart/c1-9f2?key=824bdj25", "gid://shopify/Cart/c1-9f2"],
)
def test_a_carts_token_is_the_same_with_its_key_and_without(written: str) -> None:
    """A theme has the token with its key behind it, an order may have it alone; of carts only, and only in this form."""
    assert PERSONS.key(SHOP, Identifier.CART_TOKEN, written) == PERSONS.key(SHOP, Identifier.CART_TOKEN, "c1-9f2")
    assert PERSONS.key(SHOP, Identifier.CHECKOUT_TOKEN, written) != PERSONS.key(SHOP, Identifier.CHECKOUT_TOKEN, "c1-9f2")
    for other in ("c1-9f2?k=824bdj25", "c1-9f3?key=824bdj25", "?key=c1-9f2", "c1-9f2?key=", "gid://shopify/Order/c1-9f2"):
        assert PERSONS.key(SHOP, Identifier.CART_TOKEN, other) != PERSONS.key(SHOP, Identifier.CART_TOKEN, "c1-9f2")


def test_another_pepper_gives_other_keys() -> None:
    """Who has not the key file cannot find out which order a key stands for by trying all of them."""
    assert PERSONS.key(SHOP, Identifier.ORDER_ID, "1001") != Persons(bytes(32)).key(SHOP, Identifier.ORDER_ID, "1001")


@pytest.mark.parametrize("text", ["", "  ", "x" * (LONGEST + 1)])
def test_what_is_no_identifier_has_no_key(text: str) -> None:
    """Nothing, blanks and endless text are refused, without repeating them."""
    with pytest.raises(ValueError, match="1 to 256 characters"):
        PERSONS.key(SHOP, Identifier.RECEIPT, text)


def test_an_address_has_a_key_of_its_own() -> None:
    """For the register alone: the same for the same address at the same shop, and none that a record is filed under."""
    digest = EmailDigest("ab" * 32)
    made = PERSONS.of_digest(SHOP, digest)
    assert made == Persons(bytes(range(32))).of_digest(SHOP, digest)
    assert PersonKey.PATTERN.fullmatch(made)
    assert made not in {PERSONS.of_digest(OTHER, digest), *(PERSONS.key(SHOP, kind, digest) for kind in Identifier)}


def test_nothing_is_printed() -> None:
    """The pepper is in no repr."""
    assert repr(PERSONS) == "<Persons>"
