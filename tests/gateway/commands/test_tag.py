import pytest

from gateway.cli import main
from gateway.keys import KeyId, KeyKind, make_key
from tests.gateway.commands.doing import Capture

ADDRESS = "https://gateway.shop.example"


def test_the_element_is_printed_by_itself(capsys: Capture) -> None:
    """So that it can be piped; what a page must allow is said beside it."""
    key = make_key(KeyKind.PUBLISHABLE, KeyId("p1"))
    assert main(["tag", "--address", ADDRESS, "--key", key]) == 0
    said = capsys.readouterr()
    assert said.out.startswith("<script async ")
    assert said.out.count("\n") == 1
    assert key in said.out
    assert "connect-src" in said.err


def test_the_pixel_is_printed_whole(capsys: Capture) -> None:
    """With both names in it."""
    key = make_key(KeyKind.PUBLISHABLE, KeyId("p1"))
    assert main(["tag", "--shopify", "--address", ADDRESS, "--key", key]) == 0
    said = capsys.readouterr()
    assert "checkout_completed" in said.out
    assert key in said.out
    assert "allow_null_origin" in said.err


@pytest.mark.parametrize(
    ("address", "kind", "named"), [(ADDRESS, KeyKind.SECRET, "--key"), ("http://a.example", KeyKind.PUBLISHABLE, "--address")]
)
def test_what_must_not_stand_in_a_page_is_refused_without_being_shown(
    address: str, kind: KeyKind, named: str, capsys: Capture
) -> None:
    """A secret key, an address without TLS."""
    key = make_key(kind, KeyId("p1"))
    assert main(["tag", "--address", address, "--key", key]) == 2
    said = capsys.readouterr()
    assert named in said.err
    assert key not in said.out + said.err


@pytest.mark.parametrize(("key", "said"), [("sk_p1_short", "never stand in a page"), ("pk_p1_short", "whole publishable key")])
def test_a_key_is_refused_for_what_it_is(key: str, said: str, capsys: Capture) -> None:
    """One that was cut short is no secret one."""
    assert main(["tag", "--address", ADDRESS, "--key", key]) == 2
    assert said in " ".join(capsys.readouterr().err.split())
