"""The keys of records: one for each storefront and day, kept wrapped in the store."""

from pathlib import Path

import apsw
import pytest

from gateway.outbox.engine.schema import OUTBOX, SEALING, base
from gateway.storage.file import connect, every
from gateway.storage.keyring import BadKeyFile, Keyring
from gateway.storage.vault import Vault
from tests.gateway.outbox.making import DAY, NOW

NONCE = bytes(12)


@pytest.fixture
def keyring(tmp_path: Path) -> Keyring:
    """A key file's keys."""
    return Keyring.create(tmp_path / "keys.json")


@pytest.fixture
def connection(tmp_path: Path) -> apsw.Connection:
    """An empty store."""
    return connect(tmp_path, 1 << 24, None, OUTBOX)


@pytest.fixture
def vault(connection: apsw.Connection, keyring: Keyring) -> Vault:
    """A vault with its index key."""
    vault = Vault(connection, keyring, SEALING)
    vault.rewrap()
    return vault


def test_each_storefront_and_day_has_a_key(vault: Vault) -> None:
    """The same one all day, another for another day or storefront."""
    morning = NOW // DAY * DAY
    number, cipher = vault.sealing(1, morning)
    assert vault.sealing(1, morning + DAY - 1) == (number, cipher)
    sealed = {number: cipher.encrypt(NONCE, b"x", b"")}
    for storefront, at in ((2, morning), (1, morning + DAY), (1, morning - 1)):
        other, cipher = vault.sealing(storefront, at)
        sealed[other] = cipher.encrypt(NONCE, b"x", b"")
    assert len(sealed) == len(set(sealed.values())) == 4


def test_keys_are_kept_wrapped(vault: Vault, connection: apsw.Connection, keyring: Keyring) -> None:
    """A vault opened anew opens what the first one sealed, and the same index key makes the same hashes."""
    number, cipher = vault.sealing(1, NOW)
    again = Vault(connection, keyring, SEALING)
    opening = again.opening(number)
    assert opening is not None
    assert opening.decrypt(NONCE, cipher.encrypt(NONCE, b"content", b"place"), b"place") == b"content"
    assert again.index_key == vault.index_key
    stored = b"".join(sealed for (sealed,) in every(connection, "select sealed from data_keys"))
    assert vault.index_key not in stored


def test_a_key_cannot_be_passed_off_as_another_days(vault: Vault, connection: apsw.Connection, keyring: Keyring) -> None:
    """Its storefront and day are authenticated with it."""
    vault.sealing(1, NOW)
    connection.execute("update data_keys set day = day + 1 where storefront = 1")
    with pytest.raises(BadKeyFile):
        Vault(connection, keyring, SEALING)


def test_unused_keys_of_past_days_are_discarded(vault: Vault, connection: apsw.Connection) -> None:
    """The index key and those that a record needs stay."""
    used, _ = vault.sealing(1, NOW)
    unused, _ = vault.sealing(2, NOW)
    recent, _ = vault.sealing(1, NOW + DAY)
    connection.execute("insert into groups values (?, 0, ?, x'01', x'', x'')", (base(1) + 1, used))
    vault.discard(NOW + DAY)
    assert vault.opening(unused) is None
    assert vault.opening(used) is not None
    assert vault.opening(recent) is not None
    assert vault.sealing(2, NOW)[0] != unused
    vault.discard(NOW + 100 * DAY)
    assert vault.opening(used) is not None
    assert vault.opening(recent) is None
    assert len(every(connection, "select 1 from data_keys where storefront = 0")) == 1


def test_a_key_that_an_exception_needs_stays(vault: Vault, connection: apsw.Connection) -> None:
    """In whichever of the storefront's lanes it lies."""
    connection.execute("insert into lanes values (1, 1, 'meta', 0), (2, 2, 'meta', 0), (3, 2, 'pinterest', null)")
    unused, _ = vault.sealing(1, NOW)
    used, _ = vault.sealing(2, NOW)
    connection.execute("insert into exceptions values (3, 1, 5, 0, 0, null, 'rejected', null, 0, 0, 1, ?, x'', x'')", (used,))
    vault.discard(NOW + DAY)
    assert (vault.opening(unused), vault.opening(used) is None) == (None, False)


def test_what_others_hold_is_not_gone_through_for_a_storefronts_keys(vault: Vault, connection: apsw.Connection) -> None:
    """After an outage of days each storefront has keys that it needs: four times as many of them cost four times as much."""

    def steps(first: int, last: int) -> int:
        """Add storefronts with a backlog, and count the steps that it takes to find that they need their keys."""
        for storefront in range(first, last):
            number, _ = vault.sealing(storefront, NOW)
            connection.executemany(
                "insert into groups values (?, 0, ?, x'01', x'', x'')", [(base(storefront) + n, number) for n in range(1, 9)]
            )
        counted = 0

        def count() -> bool:
            nonlocal counted
            counted += 1
            return False

        connection.set_progress_handler(count, 10)
        vault.discard(NOW + DAY)
        connection.set_progress_handler(None)
        return counted

    few = steps(1, 51)
    assert steps(51, 201) < 6 * few


def test_what_was_sent_has_keys_of_its_own(vault: Vault, connection: apsw.Connection, keyring: Keyring) -> None:
    """They outlive those of contents, and go by their day alone."""
    number, _ = vault.sealing(1, NOW)
    sent, cipher = vault.sealing_sent(1, NOW)
    later, _ = vault.sealing_sent(1, NOW + DAY)
    assert len({number, sent, later}) == 3
    vault.discard(NOW + 100 * DAY)
    assert vault.opening(number) is None
    again = Vault(connection, keyring, SEALING).opening(sent)
    assert again is not None
    assert again.decrypt(NONCE, cipher.encrypt(NONCE, b"line", b""), b"") == b"line"
    vault.discard_sent(NOW + DAY)
    assert (vault.opening(sent), vault.opening(later) is None) == (None, False)
