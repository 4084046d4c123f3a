"""The lines for a shop's pages: right for browsers, and refused where browsers would refuse them."""

import pytest

from gateway.tag import INTEGRITY, VERSION
from gateway.tag.snippet import BadAddress, origin_of, pixel, policy, snippet

ADDRESS = "https://gateway.shop.example"
KEY = "pk_p1_" + "x" * 43


def test_the_element_names_address_key_and_hash() -> None:
    """With the version in the address, which may then be kept for a year."""
    attributes = f'src="{ADDRESS}/tag.js?v={VERSION}" data-key="{KEY}" integrity="{INTEGRITY}" crossorigin="anonymous"'
    assert snippet(ADDRESS, KEY) == f"<script async {attributes}></script>"


def test_what_is_off_by_default_is_said() -> None:
    """Ids of ads on, page views off."""
    line = snippet(ADDRESS, KEY, clicks=True, pages=False)
    assert " data-clicks " in line
    assert ' data-pages="off" ' in line


def test_a_key_cannot_break_out_of_its_place() -> None:
    """Whatever it is."""
    assert "><" not in snippet(ADDRESS, '"><script>').removesuffix("></script>")


def test_the_policy_names_the_gateway_twice() -> None:
    """For the script, and for what it sends."""
    assert policy(f"{ADDRESS}/") == f"script-src {ADDRESS}; connect-src {ADDRESS}"


@pytest.mark.parametrize(
    "address",
    [
        "",
        "gateway.example",
        "http://gateway.example",
        "ftp://a.example",
        "https://",
        "https://a.example/x",
        "https://a.example?x=1",
        "https://u@a.example",
        "https://a.example:x",
        'https://a"onload=alert(1)',
        "https://a'+alert(1)+'",
        "https://a;script-src *",
        "https://a<b",
    ],
)
def test_an_address_that_browsers_refuse_is_refused(address: str) -> None:
    """No TLS, no host, or more than a host."""
    with pytest.raises(BadAddress):
        snippet(address, KEY)


@pytest.mark.parametrize(
    "address", ["http://127.0.0.1:8080", "http://localhost:8080", "http://[::1]:8080", "https://a.example:8443"]
)
def test_loopback_needs_no_tls(address: str) -> None:
    """So that a shop can be tried out."""
    assert origin_of(address) == address


def test_the_pixel_has_both_names_filled_in() -> None:
    """And no place left to fill."""
    text = pixel(ADDRESS, KEY)
    assert f'"{ADDRESS}"' in text
    assert f'"{KEY}"' in text
    assert "{{" not in text
