import re
import time
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.keys import Doorkeeper, Holder, KeyHash, KeyId, KeyKind, StoredKey, hash_key, is_key, make_key
from gateway.model.texts import StorefrontId
from gateway.secret import Secret

PEPPER = bytes(range(32))
SHOP, OTHER = StorefrontId("shop"), StorefrontId("other")
OLD, NEW, PUBLIC, THEIRS = (
    make_key(KeyKind.SECRET, KeyId("old")),
    make_key(KeyKind.SECRET, KeyId("new")),
    make_key(KeyKind.PUBLISHABLE, KeyId("old")),
    make_key(KeyKind.SECRET, KeyId("x" * 20)),
)


def stored(key: str, kind: KeyKind, key_id: str) -> StoredKey:
    """Keep a key as the configuration does."""
    return StoredKey(KeyId(key_id), kind, hash_key(PEPPER, key))


DOOR = Doorkeeper(
    PEPPER,
    {
        SHOP: [
            stored(OLD, KeyKind.SECRET, "old"),
            stored(PUBLIC, KeyKind.PUBLISHABLE, "old"),
            StoredKey(KeyId("new"), KeyKind.SECRET, Secret(NEW)),
        ],
        OTHER: [stored(THEIRS, KeyKind.SECRET, "x" * 20)],
    },
)


@pytest.mark.parametrize(
    ("key", "caller"),
    [
        (OLD, (SHOP, KeyKind.SECRET)),
        (NEW, (SHOP, KeyKind.SECRET)),
        (PUBLIC, (SHOP, KeyKind.PUBLISHABLE)),
        (THEIRS, (OTHER, KeyKind.SECRET)),
    ],
    ids=["old", "new", "public", "theirs"],
)
def test_a_known_key_names_its_storefront_and_kind(key: str, caller: tuple[StorefrontId, KeyKind]) -> None:
    """Two keys can be active at once, kept as hashes or as references."""
    assert DOOR.who(key) == caller


@pytest.mark.parametrize("key", [OLD, NEW, PUBLIC, THEIRS], ids=["old", "new", "public", "theirs"])
def test_a_key_counts_only_whole(key: str) -> None:
    """No beginning, no end, no other case, no neighbour of a key is the key."""
    near = [key[:at] + ("A" if key[at] != "A" else "B") + key[at + 1 :] for at in range(len(key))]
    near += [key[:-1], key[1:], key + "A", key + "\n", " " + key, key.upper(), key * 2, key[:3] + key[-44:], ""]
    assert {DOOR.who(text) for text in near} == {None}


def test_a_key_of_one_kind_is_none_of_the_other() -> None:
    """A publishable key does not become a secret one by its beginning."""
    assert DOOR.who("sk" + PUBLIC[2:]) is None
    assert DOOR.who("pk" + OLD[2:]) is None


@given(st.text())
def test_any_other_text_is_nobody(text: str) -> None:
    """Any text at all, lone surrogates included, is answered and never raises."""
    assert DOOR.who(text) is None
    assert DOOR.who(f"sk_old_{text}") is None


def test_a_surrogate_is_nobody() -> None:
    """A header's bytes that are no UTF-8 come as lone surrogates."""
    assert DOOR.who("sk_old_" + "\udcff" * 43) is None


def test_the_hash_of_nothing_opens_nothing() -> None:
    """The stand-in that unknown ids are compared with cannot be met: it belongs to nobody."""
    assert Doorkeeper(PEPPER, {}).who(OLD) is None
    assert Holder(bytes(32), None).caller is None


def test_keys_have_their_shape_and_are_never_the_same() -> None:
    """Kind, id, and 256 random bits."""
    made = {make_key(KeyKind.PUBLISHABLE, KeyId("2026a")) for _ in range(100)}
    assert len(made) == 100
    assert all(re.fullmatch(r"pk_2026a_[A-Za-z0-9_-]{43}", key) for key in made)
    assert all(is_key(key, KeyKind.PUBLISHABLE, KeyId("2026a")) for key in made)
    assert not any(is_key(key, KeyKind.SECRET, KeyId("2026a")) for key in made)
    assert not any(is_key(key + "\n", KeyKind.PUBLISHABLE, KeyId("2026a")) for key in made)


def test_a_hash_depends_on_the_pepper_and_is_the_published_function() -> None:
    """HMAC-SHA-256 of the whole key, checked against a value made with `openssl dgst -sha256 -mac HMAC`."""
    assert hash_key(PEPPER, OLD) != hash_key(bytes(32), OLD)
    assert hash_key(PEPPER, "sk_a_b") == "0bb19a475681035bb3421bdc5843fabb713dac044eb054164cb53f633302b8ee"


@pytest.mark.parametrize("length", [16, 63, 64, 65, 200])
@pytest.mark.parametrize("text", ["", OLD, "\ud800", "é" * 100], ids=["nothing", "key", "surrogate", "accents"])
def test_whoever_calls_is_hashed_as_keys_are_hashed_for_keeping(length: int, text: str) -> None:
    """Both are HMAC-SHA-256 under the pepper, however long that is."""
    pepper = bytes(range(length))
    assert Doorkeeper(pepper, {})._digest(text).hex() == hash_key(pepper, text)


def test_one_id_for_two_keys_of_a_kind_is_refused() -> None:
    """Otherwise one of them would silently not work."""
    with pytest.raises(ValueError, match="share an id"):
        Doorkeeper(PEPPER, {SHOP: [stored(OLD, KeyKind.SECRET, "old")], OTHER: [stored(OLD, KeyKind.SECRET, "old")]})


def test_a_short_pepper_is_refused() -> None:
    """A pepper that can be guessed protects nothing."""
    with pytest.raises(ValueError, match="16 bytes"):
        Doorkeeper(b"x" * 15, {})


@pytest.mark.parametrize("text", ["", "A", "a-b", "a" * 21, "é", "a\n"])
def test_a_key_id_is_plain(text: str) -> None:
    """Ids stand inside keys, between underscores."""
    with pytest.raises(ValueError, match="KeyId"):
        KeyId(text)


def test_nothing_prints_a_key() -> None:
    """The repr of what is kept shows no key and no raw digest."""
    for thing in (StoredKey(KeyId("new"), KeyKind.SECRET, Secret(NEW)), DOOR, Holder(b"digest", (SHOP, KeyKind.SECRET))):
        assert NEW not in repr(thing)
        assert "digest" not in repr(thing)
    assert KeyHash("a" * 64) == "a" * 64


def cost(call: Callable[[str], object], text: str) -> float:
    """Time one call in microseconds, the best of many."""
    best = float("inf")
    for _ in range(60):
        begun = time.perf_counter()
        for _ in range(100):
            call(text)
        best = min(best, time.perf_counter() - begun)
    return best * 1e4


def test_known_unknown_and_wrong_cost_the_same() -> None:
    """An unknown id takes as long as a wrong key and a right one, so that time tells nothing.

    The bound is wide for busy machines; an early return is ten times faster.
    """
    texts = [OLD, OLD[:-1] + "!", "sk_zzz" + OLD[6:], "zz_" + OLD[3:]]
    figures = [cost(DOOR.who, text) for text in texts]
    assert max(figures) < 3 * min(figures), figures
