import json
from pathlib import Path
from typing import Final

import pytest

from gateway.console.passwords import HASHER
from gateway.console.roles import Role
from gateway.console.tokens import make_token
from gateway.keys import KeyId
from gateway.settings import load
from tests.configuration import ENV, GOOD, faults_of, load_text

HASH: Final = HASHER.hash("correct horse battery")
PERSON: Final = f'[[console.people]]\nname = "ada"\nroles = ["privacy", "marketer"]\npassword = {json.dumps(HASH)}\n'
TOKEN: Final = f'[[console.tokens]]\nid = "reports"\nroles = ["marketer"]\nhash = "{"b" * 64}"\n'
OIDC: Final = """
[console.oidc]
issuer = "https://login.example/realms/shop"
client_id = "consent-gateway"
client_secret = "env:OIDC"
public_url = "https://console.example"
roles = { dpo = "privacy" }
"""
SECRETS: Final = {**ENV, "OIDC": "secret", "HASH": HASH, "TOKEN": make_token(KeyId("reports")), "WORD": "correct horse battery"}


def test_without_a_table_nobody_signs_in(tmp_path: Path) -> None:
    """And sessions would last as long as usual."""
    console = load_text(tmp_path, GOOD).console
    assert (console.people, console.tokens, console.oidc) == ((), (), None)
    assert (console.idle_seconds, console.session_seconds) == (1800, 43_200)


def test_everything_that_can_be_said(tmp_path: Path) -> None:
    """People, tokens, a provider; hashes as they stand or behind references."""
    by_reference = PERSON.replace("ada", "bob").replace(json.dumps(HASH), '"env:HASH"')
    referred = f'[[console.tokens]]\nid = "other"\nroles = ["operator"]\nhash = "{"c" * 64}"\n' + TOKEN.replace(
        f'hash = "{"b" * 64}"', 'key = "env:TOKEN"'
    )
    own = "[console]\nidle_minutes = 5\nsession_hours = 1\n"
    console = load_text(tmp_path, GOOD + own + PERSON + by_reference + referred + OIDC, SECRETS).console
    assert [(one.name, one.roles, one.hashed) for one in console.people] == [
        (name, frozenset({Role.PRIVACY, Role.MARKETER}), HASH) for name in ("ada", "bob")
    ]
    assert [token.id for token in console.tokens] == ["other", "reports"]
    assert console.oidc is not None
    assert console.oidc.told.roles == {"dpo": Role.PRIVACY}
    assert (console.idle_seconds, console.session_seconds) == (300, 3600)
    assert repr(console.people[0]) == "<Person>"
    assert HASH not in repr(console)
    assert "secret" not in repr(console.oidc)


@pytest.mark.parametrize(
    ("more", "fault"),
    [
        (PERSON + PERSON, "console.people[1].name: is the name of another person"),
        (PERSON.replace('"ada"', '""'), "console.people[0].name: must be 1 to 60 printable characters, no blank at either end"),
        (
            PERSON.replace('"ada"', '" ada"'),
            "console.people[0].name: must be 1 to 60 printable characters, no blank at either end",
        ),
        (
            PERSON.replace('"ada"', '"a\\u0000b"'),
            "console.people[0].name: must be 1 to 60 printable characters, no blank at either end",
        ),
        (PERSON.replace('["privacy", "marketer"]', "[]"), "console.people[0].roles: needs at least 1"),
        (
            PERSON.replace('"privacy", ', '"admin", '),
            "console.people[0].roles[0]: must be 'marketer', 'privacy' or 'operator'",
        ),
        (
            PERSON.replace(json.dumps(HASH), '"correct horse battery"'),
            "console.people[0].password: must be an Argon2id hash, as `consent-gateway console password` makes it",
        ),
        (
            PERSON.replace(json.dumps(HASH), '"env:WORD"'),
            "console.people[0].password: must be 1 to 8192",
        ),
        (PERSON.replace(json.dumps(HASH), '"env:NONE"'), "console.people[0].password: refers to an environment variable"),
        (TOKEN + TOKEN, "console.tokens[1].id: is the id of another token"),
        (TOKEN.replace("reports", "host"), "console.tokens[0].id: must not be host, which is the name of the host's own"),
        (TOKEN.replace("reports", "A b"), "console.tokens[0].id: must be 1 to 20 of a-z 0-9"),
        (TOKEN.replace("b" * 64, "b"), "console.tokens[0].hash: must be 64 lower-case hex digits, never the token itself"),
        (TOKEN + 'key = "env:TOKEN"\n', "console.tokens[0]: needs either hash or key"),
        (
            TOKEN.replace(f'hash = "{"b" * 64}"', 'key = "env:OIDC"'),
            "console.tokens[0].key: refers to something that is not a token of this id",
        ),
        (OIDC.replace("https://login", "http://login"), "console.oidc.issuer: must be https, but on this machine itself"),
        (OIDC.replace("https://console", "http://console"), "console.oidc.public_url: must be https, but on"),
        (OIDC.replace('dpo = "privacy"', ""), "console.oidc.roles: needs at least 1"),
        ("[console]\nidle_minutes = 0\n", "console.idle_minutes: must be at least 1"),
        ("[console]\npeople = 7\n", "console.people: must be a list"),
        ("[console]\npassword = 7\n", "console.password: is not a setting"),
    ],
)
def test_what_cannot_be_meant_is_a_fault(tmp_path: Path, more: str, fault: str) -> None:
    """Named by its place and its rule, without what stood there."""
    (found,) = faults_of(tmp_path, GOOD + more, SECRETS)
    assert fault in found or (fault.endswith("8192") and found.startswith("console.people[0].password: "))
    assert "correct horse" not in found


def test_a_name_is_one_however_it_is_typed(tmp_path: Path) -> None:
    """So that nobody is kept out by their keyboard, and no two people look alike."""
    twice = PERSON.replace('"ada"', '"Ren\\u00e9"') + PERSON.replace('"ada"', '"Rene\\u0301"')
    assert faults_of(tmp_path, GOOD + twice) == ("console.people[1].name: is the name of another person",)


def test_a_provider_on_this_machine_may_be_http(tmp_path: Path) -> None:
    """For a test; nobody is on the way."""
    local = OIDC.replace("https://login.example", "http://127.0.0.1:9").replace("https://console.example", "http://localhost:1")
    (tmp_path / "gateway.toml").write_text(GOOD + local)
    assert load(tmp_path / "gateway.toml", SECRETS).console.oidc is not None
