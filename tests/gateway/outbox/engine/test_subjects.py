"""The hashes that lie beside a group are each event's own, and are made anew where they do not fit."""

from pathlib import Path
from typing import Final

import apsw
from hypothesis import given
from hypothesis import strategies as st

from gateway.model.event import EmailDigests, Minimised
from gateway.model.words import Kind
from gateway.outbox.engine.claims import Opener
from gateway.outbox.engine.schema import WITHDRAWALS
from gateway.outbox.engine.store import Options, Store
from gateway.outbox.engine.subjects import HASH_BYTES, Subjects, hold, may_hold, parted
from gateway.outbox.holdings import Person
from gateway.outbox.shapes import Left, Shape
from gateway.persons import Persons
from gateway.storage.keyring import Keyring
from tests.effort import effort
from tests.gateway.outbox.making import FIRST, LANES, NOW, SHOP, accept, digest, event, key


def subjects() -> Subjects:
    """Hashes over a store without withdrawals."""
    connection = apsw.Connection(":memory:")
    connection.execute(WITHDRAWALS)
    return Subjects(connection, bytes(range(32)), Persons(bytes(32)))


SUBJECTS: Final = subjects()
DIGESTS: Final = st.none() | st.sampled_from([digest(number) for number in range(3)])
EVENTS: Final = st.builds(
    event,
    st.integers(0, 99),
    kind=st.sampled_from(Kind),
    email=st.none() | st.builds(EmailDigests, DIGESTS, DIGESTS, DIGESTS),
    persons=st.lists(st.integers(0, 9).map(key), max_size=3).map(tuple),
)


@given(st.lists(EVENTS, max_size=6))
def test_what_was_put_together_comes_apart(events: list[Minimised]) -> None:
    """Each event gets what was made for it: digests, its order's number, the keys that it came with."""
    made = [SUBJECTS.of_record(SHOP, one) for one in events]
    assert parted(b"".join(made), events) == made


@given(st.lists(EVENTS, min_size=1, max_size=6), st.sampled_from((-HASH_BYTES, -1, 1, HASH_BYTES)))
def test_what_does_not_fit_is_nobodys(events: list[Minimised], more: int) -> None:
    """Hashes of another number than these events have tell of none of them."""
    joined = b"".join([SUBJECTS.of_record(SHOP, one) for one in events])
    if len(joined) + more >= 0:
        assert parted((joined + bytes(HASH_BYTES))[: len(joined) + more], events) == [None] * len(events)


def test_where_they_do_not_fit_they_are_made_again(tmp_path: Path) -> None:
    """What leaves is on record by its person all the same."""
    (tmp_path / "data").mkdir()
    store = Store(tmp_path / "data", Keyring.create(tmp_path / "keys.json"), LANES, Options(1 << 24, 0))
    store.begin()
    store.put([[accept(number, email=EmailDigests(digest(number))) for number in range(3)]])
    store.commit()
    store._connection.execute("update groups set subjects = x''")
    found = store.find(FIRST, 9, NOW)
    assert found is not None
    taken = Opener().open_now(found)
    seqs = tuple(record.seq for record in taken.records)
    store.begin()
    store.mark(FIRST, taken, seqs, NOW, [Left(Kind.PURCHASE, Shape("a=x"), seqs, 1)])
    store.commit()
    for number in range(3):
        (sent,) = store.glance(SHOP, store.known_by(Person((digest(number),))), 0).sent
        assert sent.event_id == f"e{number}"
    store.close(whole=False)


HASHES: Final = st.integers(0, 40).map(lambda number: number.to_bytes(HASH_BYTES, "big"))


@given(st.lists(HASHES, max_size=9).map(b"".join), st.sets(HASHES, max_size=12), st.binary(max_size=3))
def test_whoever_is_held_may_be_held(hashes: bytes, wanted: set[bytes], rest: bytes) -> None:
    """By few hashes or by many; also where what lies there is no whole number of them."""
    if hold(hashes, wanted):
        assert may_hold(hashes + rest, wanted)
    if len(wanted) > 6 and not hold(hashes, wanted):
        assert not may_hold(hashes, wanted)


def test_whoever_is_known_by_many_hashes_is_looked_for_as_quickly() -> None:
    """Beside each request lie up to two thousand hashes, and a person with twenty orders is known by more than twenty."""
    hashes = b"".join(number.to_bytes(HASH_BYTES, "little") for number in range(2_000))
    wanted = {(number + 10_000).to_bytes(HASH_BYTES, "little") for number in range(25)}
    assert not may_hold(hashes, wanted)
    assert effort(lambda: [may_hold(hashes, wanted) for _ in range(100)]) < 2.5  # 1 as it is, 5 where they were taken apart
