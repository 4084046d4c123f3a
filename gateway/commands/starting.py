"""What starting a gateway, or opening its store without one, can fail of, in sentences that say what to do.

This is the heavy end: whoever imports it has the whole gateway in memory.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager

from gateway.app import CannotListen
from gateway.assembly import make_desk, make_dry_run, make_lines, make_papers, open_ledger, open_store
from gateway.commands import configuration, keyfile
from gateway.commands.ending import Ended
from gateway.intake.consents import Consents
from gateway.ledger import Right
from gateway.listener import UnsoundAiohttp
from gateway.log import Log
from gateway.metrics import Metrics
from gateway.model.texts import StorefrontId
from gateway.office.dry_run import DryRun
from gateway.office.papers import Papers
from gateway.outbox import Outbox
from gateway.recording import open_log
from gateway.rights.desk import Desk, Via
from gateway.settings import BadSettings, PlainSettings
from gateway.signing.acts import request_of
from gateway.signing.entry import COMMAND, Entry
from gateway.signing.recorder import SignedLog, Unrecorded
from gateway.signing.store import CannotOpenLog
from gateway.storage.file import CannotOpen, InUse
from gateway.storage.keyring import BadKeyFile


@contextmanager
def failures_told() -> Iterator[None]:
    """Turn what a start raises into what a command ends with. Raises Ended."""
    try:
        yield
    except BadSettings as bad:
        raise configuration.told(bad) from None
    except BadKeyFile as bad:
        raise keyfile.told(bad) from None
    except CannotListen as cannot:
        raise Ended(
            1,
            f"The gateway cannot listen on {cannot}: the port is taken, or the address is not this machine's.",
            "Stop what has the port, or change server.public or server.private in the configuration.",
        ) from None
    except UnsoundAiohttp as unsound:
        raise Ended(1, f"{unsound}.") from None
    except CannotOpenLog as cannot:
        raise Ended(
            1,
            f"{cannot}.",
            "docs/signed-log.md says what each of these means and what to do. Nothing was changed.",
        ) from None
    except InUse as cannot:
        raise Ended(
            1,
            f"The store cannot be opened: {cannot}",
            "If a gateway is running on it, ask that one: commands do so by themselves over its private listener.",
        ) from None
    except CannotOpen as cannot:
        raise Ended(
            1,
            f"The store cannot be opened: {cannot}",
            "docs/operating.md, The store does not open, says what each of these means and what to do.",
        ) from None


@asynccontextmanager
async def closed_store(settings: PlainSettings) -> AsyncIterator[Outbox]:
    """Open the store of a gateway that is not running, and close it at the end of the block. Raises Ended."""
    with failures_told():
        async with open_store(settings) as outbox:
            yield outbox


@asynccontextmanager
async def closed_log(settings: PlainSettings) -> AsyncIterator[Callable[[Entry], Awaitable[int]]]:
    """Open the signed log of a gateway that is not running, and close it at the end of the block; gives what records there.

    Raises Ended, also in place of `Unrecorded`: what was to be recorded is not done.
    """
    with failures_told():
        async with open_log(settings, Log()) as signed:
            try:
                yield signed.append
            except Unrecorded:
                raise Ended(
                    1, "It cannot be recorded in the signed log, so it was not done: is there room on the disk?"
                ) from None


class Registrar:
    """A `rights.desk.Teller` over the signed log of a gateway that is not running."""

    def __init__(self, signed: SignedLog) -> None:
        self._signed = signed

    def request_done(self, storefront: StorefrontId, right: Right, via: Via, number: int, by: str | None) -> None:
        """Record it."""
        del via, by  # a command's, always
        self._signed.tell(request_of(storefront, right.value, number, COMMAND))

    def request_noted(self, storefront: StorefrontId, right: Right, number: int) -> None:
        """Record nothing: it is recorded when it was done."""


@asynccontextmanager
async def closed_dry_run(settings: PlainSettings) -> AsyncIterator[DryRun]:
    """Open both stores of a gateway that is not running, and try events out against them. Raises Ended."""
    with failures_told():
        async with open_store(settings) as outbox, open_ledger(settings) as ledger:
            yield make_dry_run(settings, make_lines(settings), Consents(ledger, outbox, Metrics()).run)


@asynccontextmanager
async def closed_papers(settings: PlainSettings) -> AsyncIterator[Papers]:
    """Open both stores of a gateway that is not running, and write papers from them and its log. Raises Ended."""
    with failures_told():
        async with open_store(settings) as outbox, open_ledger(settings) as ledger:
            yield make_papers(settings, outbox, ledger)


@asynccontextmanager
async def closed_desk(settings: PlainSettings) -> AsyncIterator[Desk]:
    """Open both stores of a gateway that is not running, and serve persons from them. Raises Ended."""
    with failures_told():
        async with open_store(settings) as outbox, open_ledger(settings) as ledger, open_log(settings, Log()) as signed:
            desk = make_desk(settings, outbox, ledger, Registrar(signed))
            await desk.load()
            yield desk
