"""The body of a consent record: what is read of it, and what is wrong with one that is not of its form."""

import json
from typing import Any, Final

import pytest
from hypothesis import given

from gateway.model.words import Fault
from gateway.raw import Malformed, RawConsent
from gateway.sources.consent import decode
from gateway.sources.native import Connection
from gateway.sources.strict import Unreadable
from tests.strategies import JSON

RECEIPT: Final = "0123456789abcdef"


def body(**said: Any) -> bytes:
    """A record's body."""
    return json.dumps({"consent": {"advertising": True}} | said).encode()


def read(said: bytes, connection: Connection | None = None) -> RawConsent:
    """What is read of a body that is of its form."""
    found = decode(said, {}, connection)
    assert isinstance(found, RawConsent), found
    return found


def fault(said: bytes) -> tuple[str, Fault]:
    """What is wrong with a body."""
    found = decode(said, {})
    assert isinstance(found, Malformed), found
    return found.field, found.fault


def test_everything_that_is_declared_is_read() -> None:
    """Signals stay as they came; the versions, the place and the minor flag are taken out."""
    consent = {"advertising": True, "receipt": RECEIPT, "banner_version": 7, "join": {"cart_token": "c"}}
    said = body(consent=consent, client={"country": "US", "region": "CA"}, policy_version="2026-11", minor=False)
    unknown: dict[str, int] = {}
    assert decode(said, unknown) == RawConsent(
        consent=consent, country="US", region="CA", banner_version="7", policy_version="2026-11"
    )
    assert unknown == {}


def test_a_browsers_connection_is_heard() -> None:
    """`Sec-GPC` and the edge's country are statements of the record; a server's connection says nothing."""
    found = read(body(), Connection("203.0.113.7", "agent", gpc=True, edge=("US", "CA")))
    assert (found.gpc_header, found.edge) == (True, ("US", "CA"))
    assert (read(body()).gpc_header, read(body()).edge) == (False, None)


@pytest.mark.parametrize("flag", [True, "true", 1, [], "no"])
def test_a_minor_is_flagged_by_anything_but_a_plain_no(flag: object) -> None:
    """As for events, in other letters too."""
    assert read(body(minor=flag)).minor is True
    assert read(body(Minor=flag)).minor is True


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (b"[]", ("consent", Fault.WRONG_TYPE)),
        (b'"x"', ("consent", Fault.WRONG_TYPE)),
        (b"{}", ("consent", Fault.MISSING)),
        (body(consent=None), ("consent", Fault.MISSING)),
        (body(consent=True), ("consent", Fault.WRONG_TYPE)),
        (body(consent=[{"advertising": True}]), ("consent", Fault.WRONG_TYPE)),
        (body(consent={str(n): None for n in range(201)}), ("consent", Fault.TOO_MANY_KEYS)),
        (body(consent={"receipt": 7}), ("consent.receipt", Fault.WRONG_TYPE)),
        (body(consent={"receipt": "short"}), ("consent.receipt", Fault.BAD_FORMAT)),
        (body(consent={"receipt": "x" * 65}), ("consent.receipt", Fault.TOO_LONG)),
        (body(consent={"receipt": RECEIPT + "@example"}), ("consent.receipt", Fault.BAD_FORMAT)),
        (body(consent={"receipt": RECEIPT + "\n"}), ("consent.receipt", Fault.BAD_FORMAT)),
        (body(client="FR"), ("client", Fault.WRONG_TYPE)),
        (body(client={"country": 33}), ("client.country", Fault.WRONG_TYPE)),
        (body(client={"region": "x" * 4097}), ("client.region", Fault.TOO_LONG)),
        (b'{"consent": {"advertising": false, "advertising": true}}', ("consent", Fault.DUPLICATE_KEY)),
        (b'{"consent": {"advertising": true, "x": NaN}}', ("consent", Fault.NOT_FINITE)),
        (b'{"consent": {"receipt": "\\ud800"}}', ("consent", Fault.LONE_SURROGATE)),
        (b'{"consent": ' + b'{"a":' * 20 + b"1" + b"}" * 21, ("consent", Fault.TOO_DEEP)),
    ],
)
def test_what_is_not_of_the_form_is_told_by_field_and_rule(said: bytes, expected: tuple[str, Fault]) -> None:
    """The field's path and the rule; never a value."""
    assert fault(said) == expected


@pytest.mark.parametrize("said", [b"", b"{", b"\xff", b"consent=1"])
def test_what_is_no_json_is_unreadable(said: bytes) -> None:
    """There is nothing to name a field of."""
    with pytest.raises(Unreadable):
        decode(said, {})


@pytest.mark.parametrize("version", [True, 1.5, [], {}])
def test_a_version_that_is_none_does_not_cost_the_person_their_choice(version: object) -> None:
    """It reads as text that no version can be, so that it is left out and named, and the record is kept."""
    assert read(body(policy_version=version)).policy_version == ""


def test_undeclared_fields_are_counted_by_closed_names() -> None:
    """As for events: a name can be data too."""
    unknown: dict[str, int] = {}
    decode(body(email="x", jane=1, client={"jane": 1, "ip": "203.0.113.7"}), unknown)
    assert unknown == {"record.email": 1, "record.other": 1, "client.other": 1}


@given(said=JSON)
def test_any_json_is_a_record_or_a_fault(said: Any) -> None:
    """Never an exception, whatever a caller thinks of."""
    assert isinstance(decode(json.dumps(said).encode(), {}), RawConsent | Malformed)
    assert isinstance(decode(body(consent=said, client=said, policy_version=said), {}), RawConsent | Malformed)


def test_what_was_said_is_not_printed() -> None:
    """A record in the clear names a browser."""
    assert repr(read(body(consent={"receipt": RECEIPT}))) == "<RawConsent>"
