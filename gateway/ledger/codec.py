"""Consent records to bytes and back: everything that a record says becomes one compressed, sealed blob.

What is stored is written out field by field and by its codes, so a stored record does not depend on how types are laid out
in memory. A code that this version does not know, of a later version or one that was taken away, is read as a refusal: what
cannot be read may be one. A record's storefront, name, time of receipt and keys lie beside the blob and are authenticated
with it, so a blob that was moved, swapped or cut does not open. Pure: keys and nonces are handed in.
"""

import struct
from collections.abc import Iterable, Sequence
from typing import Any, Final, NamedTuple

import orjson
import zstandard
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from gateway.consent.evidence import Record
from gateway.consent.place import coded
from gateway.consent.statement import EVERYWHERE, Statement, Statements
from gateway.consent.table import RECORD_UNREADABLE
from gateway.ledger import Deposit, HeldOrder, Proof, Version
from gateway.model.texts import EvidenceId, PersonKey, StorefrontId
from gateway.model.words import Destination, Refusal, Signal, State
from gateway.storage import NONCE_BYTES, Unreadable

FORM: Final = 1
"""Of the stored form; the first byte of every blob, and authenticated."""

KEY_BYTES: Final = 8
OWN_BYTES: Final = 2 * KEY_BYTES
"""The part of a record's keys that tells its browser: the first and the second."""

_HEAD: Final = FORM.to_bytes(1, "big")
_START: Final = 1 + NONCE_BYTES

_COMMON: Final = zstandard.ZstdCompressionDict(
    b'[["cookiebot","onetrust","didomi","axeptio","pandectes","consentmo","us_privacy","shopify_visitor","vendors",'
    b'["tcf_purpose_refused","tcf_vendor_refused","cmp_denied","shopify_denied","google_denied","gpp_opt_out","sale_opt_out",'
    b'["ac","granted",["meta"],null],["gcs","permitted",["google_ads"],null],["gcd","granted",["google_ads"],null],'
    b'["tcf","granted",["google_ads"],null],["gpc","opted_out",["meta","pinterest","google_ads"],"gpc"],'
    b'["advertising","denied",["meta","pinterest","google_ads"],"advertising_denied"],'
    b'["shopify","granted",["meta","pinterest","google_ads"],null]],true,["FR",null],[["advertising","true",null]],'
    b'[["meta","no_explicit_grant"],["pinterest","no_explicit_grant"],["google_ads",null]],'
    b'[["meta",null],["pinterest",null],["google_ads",null]],"opt_in_everywhere/',
    dict_type=zstandard.DICT_TYPE_RAWCONTENT,
)
"""What records have in common, so that it costs them a byte or two. It belongs to the form: with it, it never changes."""

_Stored = list[Any]


class Beside(NamedTuple):
    """What lies open beside a record, and is authenticated with it: whose it is, its name, when it came in, its keys."""

    storefront: StorefrontId
    name: EvidenceId
    received_at: int
    keys: bytes

    @property
    def place(self) -> bytes:
        """All of it as bytes."""
        return b"%d|record|%s|%s|%d|%s" % (FORM, self.storefront.encode(), self.name.encode(), self.received_at, self.keys)


class Codec:
    """Seals and opens. Holds a compressor, which must not be shared: one codec per thread."""

    def __init__(self) -> None:
        """Make the compressor and the decompressor."""
        self._compress = zstandard.ZstdCompressor(level=3, dict_data=_COMMON, write_dict_id=False).compress
        self._decompress = zstandard.ZstdDecompressor(dict_data=_COMMON).decompress

    def seal(self, cipher: AESGCM, nonce: bytes, deposit: Deposit, beside: Beside) -> bytes:
        """Write a record out and seal it. `nonce` is 12 fresh random bytes."""
        return seal(cipher, nonce, self._compress(write(deposit)), beside.place)

    def open(self, cipher: AESGCM, blob: bytes, beside: Beside, *, withdrawn: bool) -> Deposit:
        """Read a record back. Raises Unreadable, whatever is wrong with it."""
        clear = unseal(cipher, blob, beside.place)
        try:
            return _read(orjson.loads(self._decompress(clear)), beside, withdrawn=withdrawn)
        except (zstandard.ZstdError, ValueError, TypeError, IndexError):
            raise Unreadable from None


def write(deposit: Deposit) -> bytes:
    """Write out what a record says, all but what lies beside it: JSON, one array."""
    record = deposit.record
    return orjson.dumps(
        (
            record.given_at,
            [(one.signal, one.state, one.covers, one.refusal) for one in record.statements],
            record.personalised,
            coded(record.place),
            [(proof.signal, proof.text, proof.digest) for proof in deposit.proofs],
            deposit.decided,
            deposit.rule,
            deposit.banner_version,
            deposit.policy_version,
        )
    )


def _read(stored: _Stored, beside: Beside, *, withdrawn: bool) -> Deposit:
    given_at, statements, personalised, (country, region), proofs, decided, rule, banner, policy = stored
    browser, receipt, keys = identities(beside.keys)
    record = Record(
        id=beside.name,
        browser=browser,
        received_at=beside.received_at,
        given_at=given_at,
        statements=tuple(said for statement in statements for said in _read_statement(*statement)),
        personalised=personalised,
        place=(country, region),
        withdrawn=withdrawn,
        receipt=receipt,
        keys=keys,
    )
    return Deposit(
        storefront=beside.storefront,
        record=record,
        proofs=tuple(Proof(signal, text, digest) for signal, text, digest in proofs),
        decided=tuple((Destination(to), _read_refusal(why)) for to, why in decided if to in EVERYWHERE),
        rule=rule,
        banner_version=None if banner is None else Version.unsealed(banner),
        policy_version=None if policy is None else Version.unsealed(policy),
    )


def _read_statement(signal: str, state: str, covers: Sequence[str], refusal: str | None) -> Statements:
    try:
        return (
            Statement(
                Signal(signal),
                State(state),
                tuple(Destination(to) for to in covers),
                None if refusal is None else Refusal(refusal),
            ),
        )
    except ValueError:
        return RECORD_UNREADABLE


def _read_refusal(code: str | None) -> Refusal | None:
    if code is None:
        return None
    try:
        return Refusal(code)
    except ValueError:
        return Refusal.RECORD_UNREADABLE


# ── seals and places ─────────────────────────────────────────────────────────────────────────────────────────────


def seal(cipher: AESGCM, nonce: bytes, clear: bytes, place: bytes) -> bytes:
    """Seal bytes for a place."""
    return b"".join((_HEAD, nonce, cipher.encrypt(nonce, clear, place)))


def unseal(cipher: AESGCM, blob: bytes, place: bytes) -> bytes:
    """Break a seal. Raises Unreadable."""
    if blob[:1] != _HEAD:
        raise Unreadable
    try:
        return cipher.decrypt(blob[1:_START], blob[_START:], place)
    except (InvalidTag, ValueError):
        raise Unreadable from None


def held_place(order: HeldOrder, keys: bytes) -> bytes:
    """Name the place of a held order: all that lies open beside it."""
    return b"%d|held|%s|%d|%s" % (FORM, order.storefront.encode(), order.until, keys)


# ── keys ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def number_of(key: PersonKey) -> int:
    """Give a key as the signed 64-bit number by which it is indexed."""
    (number,) = struct.unpack(">q", bytes.fromhex(key))
    return int(number)


def pack(keys: Iterable[PersonKey]) -> bytes:
    """Write keys one after another, eight bytes each, repeats left out."""
    return bytes.fromhex("".join(dict.fromkeys(keys)))


def unpack(packed: bytes) -> tuple[PersonKey, ...]:
    """Read them back."""
    text = packed.hex()
    return tuple(PersonKey.unsealed(text[start : start + 2 * KEY_BYTES]) for start in range(0, len(text), 2 * KEY_BYTES))


def pack_record(record: Record) -> bytes:
    """Write a record's keys: its browser's and its receipt's in front, which may be the same, and the others."""
    own = (record.browser, record.receipt or record.browser)
    return bytes.fromhex("".join(own)) + pack(key for key in record.keys if key not in own)


def identities(packed: bytes) -> tuple[PersonKey, PersonKey | None, tuple[PersonKey, ...]]:
    """Read a record's keys: its browser's, its receipt's where that is another, and all."""
    keys = tuple(dict.fromkeys(unpack(packed)))
    browser, *own = dict.fromkeys(unpack(packed[:OWN_BYTES]))
    return browser, own[0] if own else None, keys


def numbers_of(packed: bytes) -> tuple[int, ...]:
    """Read them as the numbers by which they are indexed."""
    return struct.unpack(f">{len(packed) // KEY_BYTES}q", packed)
