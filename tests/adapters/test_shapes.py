"""How the values in a destination's settings are checked."""

from typing import Annotated

import pytest
from pydantic import BaseModel, ValidationError

from adapters.shapes import BASE_URL, shaped


class Block(BaseModel):
    """A settings block with one shaped value and one base URL."""

    name: Annotated[str, shaped(r"[a-z]{3}", "must be three letters")] = "abc"
    base_url: Annotated[str, BASE_URL] = "https://api.example"


@pytest.mark.parametrize("wrong", ["", "ab", "abcd", "ab1", "abc\n", "äbc"])
def test_a_value_of_another_shape_is_a_fault_in_words(wrong: str) -> None:
    """What does not match whole is refused with the rule's own words."""
    with pytest.raises(ValidationError, match="must be three letters"):
        Block(name=wrong)


@pytest.mark.parametrize(
    "wrong",
    [
        "api.example",
        "https://api.example/",
        "https://api.example/v1",
        "https://u:p@api.example",
        "ftp://api.example",
        "https://a b",
    ],
)
def test_a_base_url_is_scheme_and_host(wrong: str) -> None:
    """A path, a user, another scheme or a blank in a base URL is a fault."""
    with pytest.raises(ValidationError, match="scheme and host only"):
        Block(base_url=wrong)


@pytest.mark.parametrize("right", ["https://api.example", "http://127.0.0.1:8099", "http://[::1]:8099", "http://localhost:80"])
def test_a_base_url_may_be_a_local_stand_in(right: str) -> None:
    """Loopback hosts with ports are well formed; whether they are allowed is not decided here."""
    assert Block(base_url=right).base_url == right
