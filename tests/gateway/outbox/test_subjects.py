"""The hashes that lie beside a group are each event's own, and are made anew where they do not fit."""

from pathlib import Path
from typing import Final

import apsw
from hypothesis import given
from hypothesis import strategies as st

from gateway.model import EmailDigests, Kind, Minimised
from gateway.outbox import Left, Person, Shape
from gateway.outbox.claims import Opener
from gateway.outbox.keyring import Keyring
from gateway.outbox.schema import WITHDRAWALS
from gateway.outbox.store import Options, Store
from gateway.outbox.subjects import HASH_BYTES, Subjects, parted
from gateway.persons import Persons
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
