"""The consent records in the ledger's file: put down once, found by any of their keys, deleted whole.

Whoever is found by a key is found with all other records of the same browser: those with its client id or its receipt, and
with what these name in turn. An order may cite the cart of a record that the browser has taken back since in one that knows
no cart, and then the later one must count.
"""

from array import array
from collections.abc import Collection, Sequence
from typing import Final, NamedTuple

import apsw

from gateway.consent.evidence import Record
from gateway.consent.table import RECORD_UNREADABLE
from gateway.ledger import Deposit, Kept
from gateway.ledger.codec import OWN_BYTES, Beside, Codec, identities, number_of, numbers_of, pack_record, unpack
from gateway.model.texts import EvidenceId, PersonKey, StorefrontId
from gateway.storage import Unreadable
from gateway.storage.file import Bindings, Row, every
from gateway.storage.storefronts import Storefronts
from gateway.storage.vault import DAY_SECONDS, Vault, nonce

MOST_FOUND: Final = 200
"""Records of one key that a decision reads, the newest; a person has a few. Of one browser the latest counts, so older ones
of its own need no reading. A key that several browsers have more often than this stands for a refusal: one may lie deeper."""

MOST_BROWSERS: Final = 5
"""How many times as many are read in all, however many browsers share the key: a flood of them must not hold up others."""

MOST_READ: Final = 10_000
"""Records of one key that are shown to whoever asks for them, the newest: far more than anybody comes to."""

_SLICE: Final = 500
"""Records that are deleted in one transaction."""

_NAME_HEX: Final = 16
"""Of a record's name: it is indexed like a key, by its first 64 bits."""


_BY_KEYS: Final = "select record from record_keys where storefront = ? and key in carray(?)"


class _Found(NamedTuple):
    """A row of the table."""

    number: int
    storefront: int
    name: bytes
    received_at: int
    withdrawn_at: int | None
    keys: bytes
    data_key: int
    content: bytes

    @property
    def id(self) -> EvidenceId:
        """The record's name."""
        return EvidenceId.unsealed(self.name.hex())

    @property
    def browser(self) -> PersonKey:
        """What its browser is told by."""
        return unpack(self.keys)[0]

    @property
    def own(self) -> frozenset[PersonKey]:
        """What its browser alone knows: its client id and its receipt."""
        return frozenset(unpack(self.keys[:OWN_BYTES]))


class _Rows(NamedTuple):
    """What one key finds, by number, and whether that is all that counts."""

    rows: dict[int, _Found]
    whole: bool


class Records:
    """The records of one ledger. Belongs to its thread."""

    def __init__(self, connection: apsw.Connection, storefronts: Storefronts, vault: Vault) -> None:
        """Nothing is read before it is asked for."""
        self._connection = connection
        self._storefronts = storefronts
        self._vault = vault
        self._codec = Codec()

    def deposit(self, deposit: Deposit) -> None:
        """Put a record down. Raises ValueError when one of its name is there."""
        record, storefront = deposit.record, self._storefronts.storefront(deposit.storefront)
        if self._named(storefront, record.id) is not None:
            raise ValueError("ledger: a record of this name is kept already")
        keys = pack_record(record)
        beside = Beside(deposit.storefront, record.id, record.received_at, keys)
        data_key, cipher = self._vault.sealing(storefront, record.received_at)
        self._connection.execute(
            "insert into records(storefront, name, received_at, keys, data_key, content) values (?, ?, ?, ?, ?, ?)",
            (
                storefront,
                bytes.fromhex(record.id),
                record.received_at,
                keys,
                data_key,
                self._codec.seal(cipher, nonce(), deposit, beside),
            ),
        )
        number = self._connection.last_insert_rowid()
        self._connection.executemany(
            "insert or ignore into record_keys values (?, ?, ?)",
            [(storefront, key, number) for key in _indexed(record.id, keys)],
        )

    # ── finding ──────────────────────────────────────────────────────────────────────────────────────────────────

    def find(self, storefront: StorefrontId, keys: Sequence[PersonKey]) -> list[Record]:
        """Give what a decision sees of the records that the keys find. What cannot be read stands for a refusal."""
        rows, whole = self._found_by(storefront, keys, MOST_FOUND)
        records = [self._record(row) for row in rows]
        return records if whole else [*records, _standing_for_more(records[-1])]

    def read(self, storefront: StorefrontId, keys: Sequence[PersonKey]) -> list[Kept]:
        """Give them as they are kept, all of them; what cannot be read is left out."""
        rows, _ = self._found_by(storefront, keys, MOST_READ)
        return [kept for row in rows if (kept := self._kept(row)) is not None]

    def look_up(self, storefront: StorefrontId, name: EvidenceId) -> Kept | None:
        """Give the record of a name, None when there is none or it cannot be read."""
        number = self._storefronts.storefronts.get(storefront)
        row = None if number is None else self._named(number, name)
        return None if row is None else self._kept(row)

    def _found_by(self, storefront: StorefrontId, keys: Sequence[PersonKey], most: int) -> tuple[list[_Found], bool]:
        """Find by keys, then by the browsers of what was found; in order, and whether nothing was passed over."""
        number = self._storefronts.storefronts.get(storefront)
        if number is None:
            return [], True
        found: dict[int, _Found] = {}
        asked, whole = set[PersonKey](), True
        left = list(dict.fromkeys(keys))
        while left and len(found) <= MOST_BROWSERS * most:
            key = left.pop()
            asked.add(key)
            new = self._with(number, key, most)
            whole &= new.whole
            found.update(new.rows)
            left += {own for row in new.rows.values() for own in row.own} - asked - set(left)
        return [found[place] for place in sorted(found)], whole and not left

    def _with(self, storefront: int, key: PersonKey, most: int) -> "_Rows":
        """Give what has a key. What leads there in the index and does not have the key itself is not given."""
        rows = self._rows(storefront, number_of(key), most + 1)
        kept = [row for row in rows[:most] if number_of(key) in numbers_of(row.keys)]
        return _Rows({row.number: row for row in kept}, len(rows) <= most or all(key in row.own for row in kept))

    def _rows(self, storefront: int, key: int, most: int) -> list[_Found]:
        """Look a key up in the index, the newest first."""
        rows = every(
            self._connection,
            "select number, records.storefront, name, received_at, withdrawn_at, keys, data_key, content"
            " from record_keys join records on number = record"
            " where record_keys.storefront = ? and key = ? order by record desc limit ?",
            (storefront, key, most),
        )
        return [_Found(*row) for row in rows]

    def _named(self, storefront: int, name: EvidenceId) -> _Found | None:
        return next((row for row in self._rows(storefront, _number_of_name(name), MOST_FOUND) if row.id == name), None)

    def _deposit(self, row: _Found) -> Deposit | None:
        """Break a row's seal, None if that cannot be done."""
        cipher = self._vault.opening(row.data_key)
        if cipher is None:
            return None
        beside = Beside(self._storefronts.name(row.storefront), row.id, row.received_at, row.keys)
        try:
            return self._codec.open(cipher, row.content, beside, withdrawn=row.withdrawn_at is not None)
        except Unreadable:
            return None

    def _kept(self, row: _Found) -> Kept | None:
        deposit = self._deposit(row)
        return None if deposit is None else Kept(deposit, row.withdrawn_at)

    def _record(self, row: _Found) -> Record:
        deposit = self._deposit(row)
        if deposit is not None:
            return deposit.record
        browser, receipt, keys = identities(row.keys)
        return Record(row.id, browser, row.received_at, row.received_at, RECORD_UNREADABLE, receipt=receipt, keys=keys)

    # ── ending ───────────────────────────────────────────────────────────────────────────────────────────────────

    def withdraw(self, storefront: StorefrontId, keys: Sequence[PersonKey], now: int) -> int:
        """Mark as withdrawn what the keys find and came in until `now`; gives how many were not yet."""
        if not keys:
            return 0
        self._connection.execute(
            f"update records set withdrawn_at = ? where withdrawn_at is null and received_at <= ? and number in ({_BY_KEYS})",  # noqa: S608 - ours
            (now, now, *self._widened(storefront, keys)),
        )
        return self._connection.changes()

    def erase(self, storefront: StorefrontId, keys: Sequence[PersonKey]) -> int:
        """Delete what the keys find; gives how many there were."""
        if not keys:
            return 0
        widened = self._widened(storefront, keys)
        query = f"select number, storefront, name, keys from records where number in ({_BY_KEYS}) limit {_SLICE}"  # noqa: S608 - ours
        count = 0
        while rows := every(self._connection, query, widened):
            self._delete(rows)
            count += len(rows)
        return count

    def _widened(self, storefront: StorefrontId, keys: Sequence[PersonKey]) -> Bindings:
        """Give what `_BY_KEYS` wants: a storefront's number, and the keys with those of the browsers that they find."""
        number = self._storefronts.storefronts.get(storefront)
        query = f"select distinct substr(keys, 1, {OWN_BYTES}) from records where number in ({_BY_KEYS})"  # noqa: S608 - ours
        asked, left = set[int](), {number_of(key) for key in keys}
        while left:
            owns = every(self._connection, query, (number, _array(left)))
            asked |= left
            left = {own for (owned,) in owns for own in numbers_of(owned)} - asked
        return number, _array(asked)

    def discard(self, before: int) -> int:
        """Delete some of the records that came in before `before`; gives how many, 0 when there are no more."""
        rows = every(
            self._connection,
            "select number, storefront, name, keys from records"
            " where data_key in (select id from data_keys where day <= ?) and received_at < ? limit ?",
            (before // DAY_SECONDS, before, _SLICE),
        )
        self._delete(rows)
        return len(rows)

    def _delete(self, rows: Sequence[Row]) -> None:
        self._connection.executemany(
            "delete from record_keys where storefront = ? and key = ? and record = ?",
            [
                (storefront, key, number)
                for number, storefront, name, keys in rows
                for key in _indexed(EvidenceId.unsealed(name.hex()), keys)
            ],
        )
        self._connection.executemany("delete from records where number = ?", [(number,) for number, *_ in rows])


def _indexed(name: EvidenceId, keys: bytes) -> tuple[int, ...]:
    """Give all numbers under which a record is indexed."""
    return (*numbers_of(keys), _number_of_name(name))


def _number_of_name(name: EvidenceId) -> int:
    return number_of(PersonKey.unsealed(name[:_NAME_HEX]))


def _array(numbers: Collection[int]) -> object:
    """Make what `carray` takes; not of nothing."""
    return apsw.carray(array("q", numbers))


def _standing_for_more(newest: Record) -> Record:
    """Make the record that stands for those that were passed over: of no browser's, so that none can take its place."""
    return Record(newest.id, _NOBODY, newest.received_at, newest.given_at, RECORD_UNREADABLE)


_NOBODY: Final = PersonKey("f" * 16)
