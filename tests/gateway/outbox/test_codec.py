"""The stored form of events: whole, compact, and bound to its place."""

import re
from collections.abc import Sequence

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import given
from hypothesis import strategies as st

from gateway.model import EmailDigests, Minimised, StorefrontId
from gateway.outbox.codec import NONCE_BYTES, SHARINGS, Codec, Opened, Sort, Unreadable, group_place, single_place, write_row
from tests.gateway.outbox.making import EVENTS, GOOGLE, META, NOW, PINTEREST, SHOP, digest, event

CIPHER = AESGCM(bytes(32))
PLACE = group_place(SHOP, 7, b"\1")


def sealed(events: Sequence[Minimised], ats: Sequence[int], place: bytes = PLACE) -> bytes:
    """Seal events under a nonce of zeros, as only a test may."""
    return Codec().seal(CIPHER, bytes(NONCE_BYTES), place, [write_row(one) for one in events], ats)


def opened(blob: bytes, events: Sequence[Minimised], place: bytes = PLACE) -> Opened:
    """Open a blob that should hold these events."""
    return Codec().open(CIPHER, place, blob, [Sort(one.kind, one.destinations) for one in events])


@given(st.lists(EVENTS, min_size=1, max_size=5), st.lists(st.integers(0, 2**32), min_size=5, max_size=5))
def test_a_group_comes_back_as_it_was(events: list[Minimised], ats: list[int]) -> None:
    """Every field of every event, of the right type, with its time of receipt and in its order."""
    blob = sealed(events, ats[: len(events)])
    found = opened(blob, events)
    assert list(found.events) == events
    assert list(found.ats) == ats[: len(events)]
    for before, after in zip(events, found.events, strict=True):
        for name in before.__struct_fields__:
            assert type(getattr(before, name)) is type(getattr(after, name)), name


@pytest.mark.parametrize("sharing", SHARINGS)
def test_every_sharing_of_digests_comes_back(sharing: tuple[int | None, int | None, int | None]) -> None:
    """Whichever platforms have the same digest, or none."""
    email = EmailDigests(*(None if number is None else digest(number + 1) for number in sharing))
    (found,) = opened(sealed([event(1, email=email)], [NOW]), [event(1)]).events
    assert found.email == email


def test_the_table_of_sharings_is_whole() -> None:
    """There is a line for each way in which three platforms can share digests."""
    values = (None, digest(1), digest(2), digest(3))
    for email in (EmailDigests(a, b, c) for a in values for b in values for c in values):
        (found,) = opened(sealed([event(1, email=email)], [NOW]), [event(1)]).events
        assert found.email == email


@given(EVENTS, EVENTS)
def test_a_row_is_the_content(one: Minimised, other: Minimised) -> None:
    """Equal content gives equal rows, other content other rows: rows decide whether a repeat differs."""
    same = (one.kind, one.destinations) == (other.kind, other.destinations)
    rows_equal = write_row(one) == write_row(other)
    assert rows_equal is (one == other) or not same


@given(EVENTS, st.data())
def test_a_changed_blob_does_not_open(one: Minimised, data: st.DataObject) -> None:
    """Whichever bit was changed, or wherever it was cut."""
    blob = sealed([one], [NOW])
    at = data.draw(st.integers(0, len(blob) - 1))
    flipped = blob[:at] + bytes((blob[at] ^ 1 << data.draw(st.integers(0, 7)),)) + blob[at + 1 :]
    for changed in (flipped, blob[:at], b""):
        with pytest.raises(Unreadable):
            opened(changed, [one])


@pytest.mark.parametrize(
    "elsewhere",
    [
        group_place(SHOP, 8, b"\1"),
        group_place(SHOP, 7, b"\2"),
        group_place(SHOP, 7, b"\1\1"),
        group_place(StorefrontId("shop2"), 7, b"\1"),
        single_place(SHOP, META, 7),
    ],
)
def test_a_blob_opens_only_in_its_place(elsewhere: bytes) -> None:
    """Not under another number, sort, count, storefront or table."""
    with pytest.raises(Unreadable):
        opened(sealed([event(1)], [NOW]), [event(1)], elsewhere)


@given(
    st.tuples(st.sampled_from((SHOP, StorefrontId("a"))), st.integers(1, 99), st.binary(max_size=3)),
    st.tuples(st.sampled_from((SHOP, StorefrontId("a"))), st.integers(1, 99), st.binary(max_size=3)),
)
def test_places_have_names_of_their_own(one: tuple[StorefrontId, int, bytes], other: tuple[StorefrontId, int, bytes]) -> None:
    """Two different places never have one name."""
    assert (group_place(*one) == group_place(*other)) is (one == other)
    lanes = {single_place(SHOP, destination, seq) for destination in (META, PINTEREST, GOOGLE) for seq in (1, 11)}
    assert len(lanes) == 6


def test_a_blob_of_another_key_or_of_nonsense_is_unreadable() -> None:
    """And the error holds nothing of it."""
    other = AESGCM(bytes(31) + b"\1")
    nonsense = b"\1" + bytes(NONCE_BYTES) + CIPHER.encrypt(bytes(NONCE_BYTES), b"\0\0\0\5hello", PLACE)
    for cipher, blob in ((other, sealed([event(1)], [NOW])), (CIPHER, nonsense)):
        with pytest.raises(Unreadable) as caught:
            Codec().open(cipher, PLACE, blob, [Sort(event(1).kind, event(1).destinations)])
        assert caught.value.args == ()
        assert caught.value.__suppress_context__


def test_a_group_must_have_as_many_sorts_as_records() -> None:
    """Otherwise records would be given another's kind."""
    with pytest.raises(Unreadable):
        opened(sealed([event(1), event(2)], [NOW, NOW]), [event(1)])


def test_a_group_is_compact_and_shows_nothing() -> None:
    """A hundred purchases with digests take less than 100 bytes each, and no id or digest is readable in them."""
    events = [event(f"{n * 7919 % 10007}-canary", email=EmailDigests(*[digest(f"{n:x}")] * 3)) for n in range(100)]
    blob = sealed(events, [NOW] * 100)
    assert len(blob) < 100 * 100
    assert not re.search(rb"canary|000000000", blob)
