"""Whom a command is about: what is posted is what is understood, and says nothing of itself when printed."""

import argparse
import io
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest

from gateway.commands.ending import Ended
from gateway.commands.naming import Said, said_of
from gateway.rights.naming import Asked, read
from gateway.settings import Settings, load
from tests.live import Installation


@pytest.fixture
def settings(stopped: Installation) -> Settings:
    """The configuration of one storefront."""
    return load(stopped.config, {})


def typed(**options: Any) -> argparse.Namespace:
    """What was typed."""
    names = ("email", "email_file", "order_id", "client_id", "receipt", "cart_token", "checkout_token", "storefront")
    return argparse.Namespace(**dict.fromkeys(names) | {"law": "gdpr"} | options)


def test_what_is_posted_is_what_is_understood(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """A running gateway reads the same person out of it as the command does for closed stores; only what was said is in it."""
    monkeypatch.setattr(sys, "stdin", io.StringIO("jane@example.com\nmore\n"))
    options = {"email": "-", "order_id": "1001", "receipt": "r", "cart_token": "c", "checkout_token": "k", "client_id": "b"}
    said, asked = said_of(typed(**options, storefront="shop", law="california"), settings)
    posted = read(msgspec.json.encode(said))
    assert isinstance(posted, Asked)
    assert posted == asked
    assert (said.email, asked.storefront, asked.law) == ("jane@example.com", "shop", "california")
    assert msgspec.to_builtins(said_of(typed(order_id="1"), settings)[0]) == {"order_id": "1", "law": "gdpr"}


def test_an_address_can_come_from_a_file(settings: Settings, tmp_path: Path) -> None:
    """Without the end of its line."""
    path = tmp_path / "address"
    path.write_text("jane@example.com\n")
    assert said_of(typed(email_file=path), settings)[0].email == "jane@example.com"


@pytest.mark.parametrize("longer", ["/dev/zero", "large"])
def test_no_file_is_read_that_is_too_long_for_an_address(settings: Settings, tmp_path: Path, longer: str) -> None:
    """One of many addresses, or without an end, is no address; its first line is not taken for whoever was meant."""
    (tmp_path / "large").write_text("jane@example.com\n" * 1000)
    with pytest.raises(Ended) as ended:
        said_of(typed(email_file=tmp_path / longer), settings)
    assert ended.value.lines == ("The file with the address is too long: it holds one address and nothing else.",)


def test_it_prints_nothing_of_the_person() -> None:
    """Wherever it ends up."""
    assert repr(Said(email="jane@example.com")) == "<Said>"
