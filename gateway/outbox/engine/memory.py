"""What the store's thread keeps in memory, together: rebuilt from the file when it is opened and after every rollback."""

from typing import NamedTuple, Self

import apsw

from gateway.outbox.engine.books import Books
from gateway.outbox.engine.departures import Departures
from gateway.outbox.engine.figures import Figures
from gateway.outbox.engine.grounds import Grounds
from gateway.outbox.engine.lanes import Lanes
from gateway.outbox.engine.latest import Latest
from gateway.outbox.engine.names import Names
from gateway.outbox.engine.refunds import Refunds
from gateway.outbox.engine.samples import Samples
from gateway.outbox.engine.schema import SEALING
from gateway.outbox.engine.seen import Seen
from gateway.outbox.engine.sieve import Sieve
from gateway.outbox.engine.subjects import Subjects
from gateway.persons import Persons
from gateway.storage.keyring import Keyring
from gateway.storage.vault import Vault


class Memory(NamedTuple):
    """The parts, and the connection they stand for."""

    connection: apsw.Connection
    names: Names
    vault: Vault
    books: Books
    figures: Figures
    subjects: Subjects
    refunds: Refunds
    seen: Seen
    lanes: Lanes
    latest: Latest
    departures: Departures
    grounds: Grounds
    samples: Samples

    @classmethod
    def load(cls, connection: apsw.Connection, keyring: Keyring, generation: int, sieve: Sieve) -> Self:
        """Read everything from the file, but what `sieve` knows of it.

        Raises BadKeyFile when the key file cannot open a stored key.
        """
        names = Names(connection)
        vault = Vault(connection, keyring, SEALING)
        figures = Figures(connection)
        return cls(
            connection=connection,
            names=names,
            vault=vault,
            books=Books(connection, figures),
            figures=figures,
            subjects=Subjects(connection, vault.index_key, Persons(keyring.pepper)),
            refunds=Refunds(connection, vault.index_key),
            seen=Seen(connection, vault.index_key, generation, sieve),
            lanes=Lanes(connection, names),
            latest=Latest(),
            departures=Departures(connection),
            grounds=Grounds(connection),
            samples=Samples(connection),
        )
