"""The stored form of events: whole, compact, and bound to its place."""

import gzip
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import orjson
import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import given
from hypothesis import strategies as st

from gateway.model.event import ClickIds, EmailDigests, Minimised
from gateway.model.texts import (
    ContentId,
    GoogleClickId,
    MetaClickId,
    PageOrigin,
    PinterestClickId,
    StorefrontId,
    TruncatedIp,
    UserAgent,
)
from gateway.model.words import Kind, UsState
from gateway.outbox.engine.codec import SHARINGS, Codec, Opened, Row, Sort, group_place, sending_place, single_place, write_row
from gateway.outbox.engine.sqlite import SqliteOutbox
from gateway.outbox.engine.store import Options
from gateway.storage import NONCE_BYTES, Unreadable
from gateway.storage.keyring import Keyring
from tests.gateway.outbox.making import EVENTS, FIRST, GOOGLE, LANES, META, NOW, PINTEREST, SHOP, claim_all, digest, event

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


EARLIER: Final = bytes.fromhex(
    "01000000000000000000000000cea7408565d544936742c5a6bff3ffd2507e430701c25129c5f313a4df43485749ed303f1f278ee2d5b6"
    "7f803400f577158b4e7f488369728329a93398f78368a7227a8402c56962a8f40cf60c53ccc69f80e468a388ce4e3128352c759d29c0f1"
    "a4b6b24d852aa2951c285fb9a619dcc4f50c56f41adf206e258eb79ff0d0fe931f6eced54092c47d101637c40ab619cf70bb7aecaf9a88"
    "a6f5ed34a405934a9a6cc0a9f2b309ceadefb503e8702b2d66c0825bb6ca55794bfc8928fb522466768b78c04b54e51ef5fa07e506a35f"
    "c6b0b710249c8626e1a96ad57928d7be2e1490a05a7cee43bde98b56e309dc01264ed6df6e82c1bfc72a59ad51669a2c4c8806922e3a04"
    "15326ce65def"
)
"""Two events, sealed for `PLACE` under a key and a nonce of zeros by the version whose rows had ten places."""
EARLIER_EVENTS: Final = [
    event(1),
    event(
        2,
        kind=Kind.PAGE_VIEW,
        destinations=(META, PINTEREST),
        ads_personalisation=True,
        email=EmailDigests(digest(1), digest(1), digest(2)),
        ip=TruncatedIp("203.0.113.0"),
        user_agent=UserAgent("Mozilla/5.0 (X11)"),
        page_origin=PageOrigin("https://shop.example"),
        money=None,
        click=ClickIds(
            gclid=GoogleClickId("Cj0KCQiAgclid"),
            fbc=MetaClickId("fb.1.1795339000123.abc"),
            epik=PinterestClickId("dj0yJnU9abc"),
        ),
    ),
]


def test_what_an_earlier_version_sealed_opens() -> None:
    """Row by row the same events, and events like them are still written in ten places."""
    assert list(opened(EARLIER, EARLIER_EVENTS).events) == EARLIER_EVENTS
    assert [len(orjson.loads(write_row(one).json)) for one in EARLIER_EVENTS] == [10, 10]


async def test_a_store_of_an_earlier_version_opens(tmp_path: Path) -> None:
    """A whole one, with its key file: what waited there is claimed as it was put."""
    there = Path(__file__).parents[3] / "data" / "earlier_store"
    (tmp_path / "data").mkdir(mode=0o700)
    (tmp_path / "data" / "outbox.db").write_bytes(gzip.decompress((there / "outbox.db.gz").read_bytes()))
    (tmp_path / "keys.json").write_bytes((there / "keys.json").read_bytes())
    (tmp_path / "keys.json").chmod(0o600)
    outbox = await SqliteOutbox.open(tmp_path / "data", Keyring.load(tmp_path / "keys.json"), LANES, Options(64 << 20, 0))
    try:
        claim = await claim_all(outbox, FIRST)
        assert [record.event for record in claim.records] == EARLIER_EVENTS
    finally:
        await outbox.close()


def test_a_row_of_thirteen_places_opens() -> None:
    """As the version before person keys wrote them; an event without such keys is still written so."""
    one = event(1, restricted=UsState.CA, content_ids=(ContentId("SKU-1"),))
    plain = orjson.loads(write_row(event(1)).json)
    earlier = orjson.dumps([*plain, "CA", ["SKU-1"], None])
    assert write_row(one).json == earlier
    blob = Codec().seal(CIPHER, bytes(NONCE_BYTES), PLACE, [Row(earlier, ())], [NOW])
    assert list(opened(blob, [one]).events) == [one]


@pytest.mark.parametrize(
    "row",
    [
        ["CA"],
        ["ZZ", [], None],
        ["CA", None, None],
        ["CA", [], None, 1],
        ["CA", [], None, [], None, 1],
        ["CA", [], None, 7, None],
    ],
)
def test_a_row_of_a_form_that_is_not_known_is_unreadable(row: list[object]) -> None:
    """Too few places, too many, a state that is none: nothing is guessed."""
    json = orjson.dumps([*orjson.loads(write_row(event(1)).json), *row])
    blob = Codec().seal(CIPHER, bytes(NONCE_BYTES), PLACE, [Row(json, ())], [NOW])
    with pytest.raises(Unreadable):
        opened(blob, [event(1)])


@given(st.binary(max_size=200), st.data())
def test_bytes_of_any_meaning_come_back_or_do_not_open(clear: bytes, data: st.DataObject) -> None:
    """From their own place and unchanged, and in no other case."""
    place = sending_place(7)
    blob = Codec().seal_plain(CIPHER, bytes(NONCE_BYTES), place, clear)
    assert Codec().open_plain(CIPHER, place, blob) == clear
    at = data.draw(st.integers(0, len(blob) - 1))
    flipped = blob[:at] + bytes((blob[at] ^ 1 << data.draw(st.integers(0, 7)),)) + blob[at + 1 :]
    for wrong, where in ((flipped, place), (blob[:at], place), (blob, sending_place(8)), (blob, PLACE)):
        with pytest.raises(Unreadable):
            Codec().open_plain(CIPHER, where, wrong)


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
