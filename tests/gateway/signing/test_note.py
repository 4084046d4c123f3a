import base64
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.signing.note import BadKey, BadNote, SigningKey, VerifierKey, read, verify

# The published examples of Go's package, whose notes these are:
# https://cs.opensource.google/go/x/mod/+/master:sumdb/note/note_test.go (read 2026-11-26).
VKEY: Final = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
SKEY: Final = "PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz"
TEXT: Final = "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n"
PETER: Final = "— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"
ENOCH: Final = "— EnochRoot rwz+eBzmZa0SO3NbfRGzPCpDckykFXSdeX+MNtCOXm2/5n2tiOHp+vAF1aGrQ5ovTG01oOTGwnWLox33WWd1RvMc+QQ=\n"
ENOCH_KEY: Final = "EnochRoot+af0cfe78+ATtqJ7zOtqQtYqOo0CpvDXNlMhV3HeJDpjrASKGLWdop"
NOTE: Final = f"{TEXT}\n{PETER}"
VERIFIER: Final = VerifierKey.read(VKEY)


def test_the_published_note_is_written_byte_for_byte() -> None:
    """Ed25519 has one signature for a text and a key, so ours is Go's."""
    assert SigningKey.read(SKEY).sign(TEXT) == NOTE


def test_the_published_keys_belong_together() -> None:
    """The public half of the published signing key is the published verifier key, and both are written as they were read."""
    key = SigningKey.read(SKEY)
    assert key.verifier == VERIFIER
    assert (VERIFIER.name, VERIFIER.id.hex(), VERIFIER.text, key.reveal()) == ("PeterNeumann", "c74f20a3", VKEY, SKEY)


def test_a_signing_key_does_not_print() -> None:
    """Neither its repr nor its text has anything of it."""
    key = SigningKey.read(SKEY)
    assert repr(key) == str(key) == "<SigningKey>"


def test_the_published_note_verifies() -> None:
    """Its text, and each signature, known or not; two known keys are as good as one."""
    assert verify(NOTE, [VERIFIER]).text == TEXT
    both = verify(f"{NOTE}{ENOCH}", [VERIFIER, VerifierKey.read(ENOCH_KEY)])
    assert [one.name for one in both.signatures] == ["PeterNeumann", "EnochRoot"]
    assert verify(f"{NOTE}{ENOCH}", [VERIFIER]).text == TEXT


@pytest.mark.parametrize(
    ("note", "keys"),
    [
        (NOTE, []),
        (NOTE, [ENOCH_KEY]),
        (NOTE.replace("answer", "Answer"), [VKEY]),
        (NOTE.replace("is.\n\n", "is.\n\n\n"), [VKEY]),
        (f"{TEXT}\n{PETER[:60]}ABCD{PETER[60:]}", [VKEY]),
        (f"{NOTE}{PETER.replace('x08go/ZJ', 'x08go/ZK')}", [VKEY]),
    ],
)
def test_a_note_without_a_good_signature_or_with_a_wrong_one_is_refused(note: str, keys: list[str]) -> None:
    """No known key; another text; a known key's signature that is wrong, even beside a good one."""
    with pytest.raises(BadNote):
        verify(note, [VerifierKey.read(key) for key in keys])


@pytest.mark.parametrize(
    "note",
    [
        "",
        TEXT,
        f"{TEXT}\n",
        NOTE[:-1],
        f"\x01{NOTE}",
        f"{TEXT}\n— Bad Name x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n",
        f"{NOTE}Unexpected line.\n",
        f"{TEXT}\n{PETER * 101}",
        f"{TEXT}\n— PeterNeumann x08gow==\n",
        f"{TEXT}\n— PeterNeumann x08go/Z\n",
        NOTE.replace("JnAM=", "JnAN="),
        f"{TEXT}\n— a+b x08go/ZJ\n",
        NOTE.replace("— ", "- "),
    ],
)
def test_what_is_no_note_is_refused(note: str) -> None:
    """The published malformed ones and more: no blank line, no end, control characters, names, base64 that has another form."""
    with pytest.raises(BadNote):
        read(note)


@pytest.mark.parametrize("text", ["", "no end", "tab\there\n", "bell\x07\n"])
def test_a_text_that_cannot_be_read_back_is_not_signed(text: str) -> None:
    """It ends with a line break and holds no control character."""
    with pytest.raises(BadNote):
        SigningKey.read(SKEY).sign(text)


def mangled(text: str) -> list[str]:
    """Every part of a text but the whole of it, and every text with one character moved on: the published manglings."""
    parts = [text[i:j] for i in range(len(text)) for j in range(i + 1, len(text) + 1) if (i, j) != (0, len(text))]
    return [*parts, *(text[:i] + chr(ord(text[i]) + 1) + text[i + 1 :] for i in range(len(text)))]


def test_every_mangled_key_is_refused() -> None:
    """A key cut anywhere, or with one character changed, is no key; nor one of another length or kind with a fitting hash."""
    others = (
        "PeterNeumann+cc469956+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TWBADKEY==",
        "PeterNeumann+173116ae+ZRpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
    )
    for text in (*mangled(VKEY), *others):
        with pytest.raises(BadKey):
            VerifierKey.read(text)


def test_every_mangled_signing_key_is_refused() -> None:
    """The same for the secret half, and the refusal has nothing of it."""
    for text in mangled(SKEY):
        with pytest.raises(BadKey) as refused:
            SigningKey.read(text)
        assert SKEY[-20:] not in str(refused.value)


@pytest.mark.parametrize("name", ["", "a b", "a+b", "a\tb", "a\u2003b", "a\x85b", "x" * 201])
def test_a_keys_name_is_one_word(name: str) -> None:
    """No blank of any kind, no plus, not empty."""
    with pytest.raises(BadKey):
        SigningKey(name, bytes(32))


def test_a_signing_key_has_32_bytes() -> None:
    """Neither fewer nor more."""
    with pytest.raises(BadKey):
        SigningKey("a", bytes(31))


@given(
    st.text(st.characters(min_codepoint=32, exclude_categories=["Cs"]) | st.just("\n")).map(lambda text: text + "\n"),
    st.binary(min_size=32, max_size=32),
)
def test_what_was_signed_is_read_back(text: str, seed: bytes) -> None:
    """Any text, blank lines in it included, comes back whole and verifies; by another key it does not."""
    key = SigningKey("example.com/log", seed)
    note = key.sign(text)
    assert verify(note, [key.verifier]).text == text
    with pytest.raises(BadNote):
        verify(note, [SigningKey("example.com/log", bytes(31) + b"\x01").verifier] if seed != bytes(31) + b"\x01" else [])


def test_keys_are_known_by_name_and_hash() -> None:
    """The hash in a key's text form begins its signatures."""
    (signature,) = read(NOTE).signatures
    assert signature.id == VERIFIER.id == base64.b64decode(PETER.split(" ")[2])[:4]
