import stat
from pathlib import Path
from typing import Final

import pytest

from gateway.console.roles import EVERYBODY, Role
from gateway.console.tokens import HOST, StoredToken, Tokens, is_token, make_token, read_host_token, write_host_token
from gateway.keys import KeyId, hash_key
from gateway.places import HOST_TOKEN_FILE
from gateway.secret import Secret

PEPPER: Final = b"0123456789abcdef"
ID: Final = KeyId("reports")
ROLES: Final = frozenset({Role.MARKETER})


def test_a_token_is_known_by_its_hash_or_by_itself() -> None:
    """The configuration holds one or refers to the other."""
    token = make_token(ID)
    for held in (hash_key(PEPPER, token), Secret(token)):
        found = Tokens(PEPPER, (StoredToken(ID, ROLES, held),), make_token(HOST)).who(token)
        assert found is not None
        assert (found.id, found.roles) == (ID, ROLES)


def test_any_other_text_is_nobodys() -> None:
    """Another token of the same id, one of an id that is not there, a storefront's key, a part, more, nothing."""
    token = make_token(ID)
    tokens = Tokens(PEPPER, (StoredToken(ID, ROLES, hash_key(PEPPER, token)),), make_token(HOST))
    others = [make_token(ID), make_token(KeyId("x")), f"sk{token[2:]}", token[:-1], token + "A", "", "ct_", make_token(HOST)]
    assert [tokens.who(other) for other in others] == [None] * len(others)
    assert tokens.who(token.replace("ct_reports", "ct_host")) is None


def test_the_hosts_own_may_everything_and_is_new_at_each_start(tmp_path: Path) -> None:
    """For its owner alone; the one before is good no more."""
    first = write_host_token(tmp_path)
    second = write_host_token(tmp_path)
    assert first != second == read_host_token(tmp_path)
    assert stat.S_IMODE((tmp_path / HOST_TOKEN_FILE).stat().st_mode) == 0o600
    assert [path.name for path in tmp_path.iterdir()] == [HOST_TOKEN_FILE]
    tokens = Tokens(PEPPER, (), second)
    found = tokens.who(second)
    assert found is not None
    assert (found.id, found.roles) == (HOST, EVERYBODY)
    assert tokens.who(first) is None


def test_a_half_written_token_of_a_crash_is_in_nobodys_way(tmp_path: Path) -> None:
    """What a start left behind is written anew by the next."""
    (tmp_path / f"{HOST_TOKEN_FILE}.new").write_text("half")
    assert read_host_token(tmp_path) is None
    assert write_host_token(tmp_path) == read_host_token(tmp_path)


@pytest.mark.parametrize("content", [b"", b"\xff", b"ct_reports_" + b"A" * 43, b"x\r\nY: z"])
def test_a_file_of_something_else_is_no_token(tmp_path: Path, content: bytes) -> None:
    """It is not sent to anybody."""
    (tmp_path / HOST_TOKEN_FILE).write_bytes(content)
    assert read_host_token(tmp_path) is None
    assert read_host_token(tmp_path / "nowhere") is None


def test_a_token_names_its_id() -> None:
    """So that one that was put into the wrong line is noticed."""
    assert is_token(make_token(ID), ID)
    assert not is_token(make_token(ID), KeyId("other"))
    assert repr(Tokens(PEPPER, (), make_token(HOST))) == "<Tokens>"
