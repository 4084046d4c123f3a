"""The body of `POST /v1/consent`: bytes in, what a page or a server says of a person's choice out.

    {"consent": {…}, "client": {"country": "FR", "region": null}, "policy_version": "2026-11", "minor": false}

Read as strictly as an event. The signals inside `consent` are left to their own readers; only what makes a record findable
and provable is looked at here: the receipt and the versions. Pure.
"""

import re
from typing import Final

from gateway.model.words import Fault
from gateway.raw import Malformed, RawConsent
from gateway.sources.fields import CLIENT_FIELDS, Broken, Unknown, consent_of, minor_in, object_of, text_of
from gateway.sources.native import Connection
from gateway.sources.strict import MAX_DEPTH, loads, taint_of

FIELDS: Final = frozenset({"consent", "client", "policy_version", "minor"})
RECEIPT: Final = re.compile(r"[A-Za-z0-9_-]{16,64}", re.ASCII)
"""What a page draws for itself: long enough that nobody finds another's by guessing, if it is drawn at random."""


def decode(body: bytes, unknown: Unknown, connection: Connection | None = None) -> RawConsent | Malformed:
    """Read one body; undeclared fields are counted in `unknown`. `connection` is given for browsers.

    Raises strict.Unreadable (no JSON); whatever else is wrong with it is told by `Malformed`.
    """
    value, suspicious = loads(body)
    if suspicious and (fault := taint_of(value, MAX_DEPTH)) is not None:
        return Malformed("consent", fault)
    try:
        return _read(value, unknown, connection)
    except Broken as broken:
        return Malformed(broken.field, broken.fault)


def _read(value: object, unknown: Unknown, connection: Connection | None) -> RawConsent:
    if type(value) is not dict:
        raise Broken("consent", Fault.WRONG_TYPE)
    object_of("record", value, FIELDS, unknown)
    country = region = None
    if (client := value.get("client")) is not None:
        object_of("client", client, CLIENT_FIELDS, unknown)
        country = text_of(client.get("country"), "client.country")
        region = text_of(client.get("region"), "client.region")
    consent = consent_of(value.get("consent"))
    if type(consent) is not dict:
        raise Broken("consent", Fault.MISSING if consent is None else Fault.WRONG_TYPE)
    _check_receipt(consent.get("receipt"))
    return RawConsent(
        consent=consent,
        country=country,
        region=region,
        banner_version=_version(consent.get("banner_version")),
        policy_version=_version(value.get("policy_version")),
        gpc_header=connection is not None and connection.gpc,
        minor=minor_in(value, FIELDS),
        edge=None if connection is None else connection.edge,
    )


def _check_receipt(value: object) -> None:
    if value is None:
        return
    if type(value) is not str:
        raise Broken("consent.receipt", Fault.WRONG_TYPE)
    if RECEIPT.fullmatch(value) is None:
        raise Broken("consent.receipt", Fault.TOO_LONG if len(value) > 64 else Fault.BAD_FORMAT)


def _version(value: object) -> str | None:
    """Take text, or a whole number as shops write them. What it may look like is judged where it is kept.

    What is neither is text that no version can be: a person's choice is not lost for the form of something beside it.
    """
    return str(value) if type(value) in (str, int) else None if value is None else ""
