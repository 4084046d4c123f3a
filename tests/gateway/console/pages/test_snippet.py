"""The page that makes a shop's lines: what the command makes, and never a key on its own."""

from gateway.console.pages.snippet import made_of
from gateway.keys import KeyId, KeyKind, make_key
from gateway.tag.snippet import pixel, policy, snippet

ADDRESS = "https://gateway.shop.example"
KEY = make_key(KeyKind.PUBLISHABLE, KeyId("p1"))


def test_the_lines_are_the_commands() -> None:
    """All three."""
    made = made_of(ADDRESS, KEY, clicks=True)
    assert (made.element, made.policy, made.pixel) == (snippet(ADDRESS, KEY, clicks=True), policy(ADDRESS), pixel(ADDRESS, KEY))
    assert made.fault is None


def test_a_secret_key_is_refused_and_not_shown() -> None:
    """It must never stand in a page, not in this one either."""
    secret = make_key(KeyKind.SECRET, KeyId("s1"))
    made = made_of(ADDRESS, secret, clicks=False)
    assert made.fault == "key"
    assert secret not in repr(made)


def test_an_address_without_tls_is_refused() -> None:
    """Browsers would refuse it later, without a word."""
    made = made_of("http://gateway.shop.example", KEY, clicks=False)
    assert (made.fault, made.element) == ("address", "")
