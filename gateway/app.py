"""Builds everything once, hands it down, starts it and stops it. The only room that knows every other.

Stopping: readiness goes first and the doors stay open for a moment, so that a load balancer can look away; then nothing
new is taken, what was taken is committed, couriers finish the request they have in flight, and the stores are closed, the
ledger before the outbox that holds the directory's lock. A store that failed ends the process with a non-zero code: after a
failed flush no later success proves anything.
"""

import asyncio
import gc
import signal
import time
from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from collections.abc import Set as AbstractSet
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from enum import unique
from functools import partial
from typing import Final

import msgspec
from aiohttp import web

from gateway.assembly import (
    make_archive,
    make_callers,
    make_caps,
    make_console_door,
    make_credentials,
    make_desk,
    make_dry_run,
    make_papers,
    make_routes,
    make_transport,
    make_webhooks,
    open_ledger,
    open_store,
    rules_of,
    shops_of,
)
from gateway.console.live import SEEN_SECONDS, Live, glance
from gateway.console.rooms import Rooms
from gateway.console.site import Site
from gateway.delivery.canary import Canary
from gateway.delivery.courier import Courier
from gateway.delivery.credentials import Credential, Standing, watch
from gateway.delivery.inquirer import inquirers
from gateway.delivery.oauth import Tokens
from gateway.delivery.rehearsal import Finding
from gateway.delivery.rehearsing import rehearse
from gateway.delivery.replaying import Replayer
from gateway.delivery.route import Office
from gateway.delivery.standing import Health
from gateway.intake.bodies import Bodies
from gateway.intake.consents import Consents
from gateway.intake.front_door import Intake
from gateway.ledger import Ledger
from gateway.limits import Addresses
from gateway.listener import QuietServer, assert_sound_aiohttp
from gateway.log import Happening, Log, Reducer, Stored, innermost_frame, name_of
from gateway.lookout import lane_states, make_lookout
from gateway.metrics import Metrics
from gateway.model.texts import StorefrontId
from gateway.model.words import Word
from gateway.office.clerk import Clerk
from gateway.office.exporting import Exporter
from gateway.office.pausing import Pausing
from gateway.office.reconciling import Reconciling
from gateway.office.reports import Reports
from gateway.outbox import Outbox
from gateway.outbox.engine.sqlite import SqliteOutbox
from gateway.outbox.work import Lane
from gateway.places import OUTBOX_FILE
from gateway.private import Private
from gateway.recording import recording
from gateway.rights.counter import Counter
from gateway.rights.desk import Desk
from gateway.settings import Address, Settings, prove
from gateway.signing.entry import StoreFailed
from gateway.signing.recorder import SignedLog
from gateway.storage import Shut
from gateway.storage.file import opening
from gateway.storage.keyring import Keyring
from gateway.sweeping import Sweeper
from gateway.witness import Witness

SILENCE_SECONDS: Final = 300.0
BROWSERS_PER_SECOND: Final = 20.0
BROWSERS_BURST: Final = 200.0
"""What one client network (/24, /64) may send to `/v1/collect`: far more than people do, far less than a script can."""
GARBAGE_THRESHOLD: Final = 50_000
"""Objects made before the collector looks for cycles. By default it looks several times within one batch, at 3 % of the CPU
(perf, batches of 100), and finds nothing: requests leave no cycles."""
DRAIN_SECONDS: Final = 10.0
"""How long requests that are being answered may take once the doors are closed."""


@unique
class Side(Word):
    """Which of the listeners; a metric label."""

    PUBLIC = "public"
    PRIVATE = "private"


class CannotListen(Exception):
    """An address cannot be listened on; carries it. Nearly always another program has the port."""

    def __init__(self, address: Address) -> None:
        """Keep the address, which is configuration and not input."""
        super().__init__(f"{address.host}:{address.port}")
        self.address = address


class Gateway(msgspec.Struct):
    """A running gateway: where it listens (ports as they turned out) and its rooms."""

    public: Address
    private: Address
    outbox: Outbox
    ledger: Ledger
    metrics: Metrics
    couriers: Mapping[Lane, Courier]
    signed: SignedLog


async def serve(
    settings: Settings, log: Log, reducer: Reducer, started: Callable[[Gateway], None] = lambda _gateway: None
) -> int:
    """Run until SIGTERM, SIGINT or SIGHUP, or until the store fails. Returns the process's exit code.

    `reducer` hears what libraries and the event loop itself have to say. Raises CannotListen, CannotOpenLog, and what
    `open_store` raises.
    """
    stop, hurry = asyncio.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(reducer.of_loop)

    def on_signal() -> None:
        (hurry if stop.is_set() else stop).set()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, on_signal)
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # as `nohup` has it: the terminal's end is not the gateway's
        loop.add_signal_handler(signal.SIGHUP, on_signal)
    try:
        async with running(settings, log, stop=stop, hurry=hurry) as gateway:
            started(gateway)
            stores: dict[Stored, Outbox | Ledger] = {Stored.OUTBOX: gateway.outbox, Stored.LEDGER: gateway.ledger}
            said = await _mind(stores, log, stop)
            log.say(Happening.STOPPING)
            if said:
                gateway.signed.tell(StoreFailed())
        failed = _failed(stores)  # asked after the last flush, which may be what failed
        for file in failed - said:
            log.say(Happening.STORE_FAILED, file=file)
        return 1 if failed else 0
    finally:
        log.say(Happening.STOPPED)


async def _mind(stores: Mapping[Stored, Outbox | Ledger], log: Log, stop: asyncio.Event) -> AbstractSet[Stored]:
    """Look at the stores' state, whether anybody is posting or not: write down its changes, end when one of them failed.

    Returns which did.
    """
    before: dict[Stored, Shut | None] = {}
    while not stop.is_set():
        shut = {file: store.shut for file, store in stores.items()}
        for file, now in shut.items():
            if happening := SHUT_HAPPENINGS.get((before.get(file), now)):
                log.say(happening, file=file)
        before = shut
        if failed := _failed(stores):
            for file in failed:
                log.say(Happening.STORE_FAILED, file=file)
            stop.set()
            return failed
        with suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), MIND_SECONDS)
    return frozenset()


def _failed(stores: Mapping[Stored, Outbox | Ledger]) -> AbstractSet[Stored]:
    return {file for file, store in stores.items() if store.shut is Shut.FAILED}


MIND_SECONDS: Final = 0.25
SHUT_HAPPENINGS: Final = {(None, Shut.FULL): Happening.STORE_FULL, (Shut.FULL, None): Happening.STORE_RECOVERED}


@asynccontextmanager
async def running(  # noqa: PLR0915 - every room, once
    settings: Settings, log: Log, *, stop: asyncio.Event | None = None, hurry: asyncio.Event | None = None
) -> AsyncIterator[Gateway]:
    """Run a gateway inside a running event loop; leaving the block stops it gracefully. Raises what `prove` raises."""
    assert_sound_aiohttp()
    prove(settings)
    stop, hurry = stop or asyncio.Event(), hurry or asyncio.Event()
    metrics, addresses = Metrics(), Addresses(BROWSERS_PER_SECOND, BROWSERS_BURST, time.monotonic())
    async with AsyncExitStack() as stack:
        is_new = not (settings.server.data_dir / OUTBOX_FILE).exists()
        outbox = await stack.enter_async_context(open_store(settings))
        if is_new:
            log.say(Happening.STORE_MADE, file=Stored.OUTBOX)
        ledger = await stack.enter_async_context(open_ledger(settings))
        keyring = Keyring.load(settings.server.key_file)
        with opening("gateway"):
            make_archive(settings)
        signed = await stack.enter_async_context(recording(settings, keyring, metrics, log))
        transport = await stack.enter_async_context(make_transport(settings))
        tokens = Tokens(transport)
        stack.push_async_callback(tokens.close)
        witness = Witness(metrics, log, signed.tell)
        office = Office(outbox, transport, witness, settings.delivery.pace)
        credentials = make_credentials(settings, tokens, witness.credential)
        routes = make_routes(settings, credentials)
        couriers = {lane: Courier(route, office) for lane, route in routes.items()}
        asking = {inquirer.lane: inquirer for inquirer in inquirers(tuple(routes.values()), office)}
        callers, desk = make_callers(settings), make_desk(settings, outbox, ledger, witness)
        await desk.load()
        counter = Counter(desk)
        consents = Consents(ledger, outbox, metrics)
        intake = Intake(
            callers=callers,
            bodies=Bodies(metrics, settings.server.body_seconds),
            consents=consents,
            counter=counter,
            webhooks=make_webhooks(settings, callers, desk, outbox, metrics),
            outbox=outbox,
            metrics=metrics,
            addresses=addresses,
        )
        reports = Reports(outbox, shops_of(settings))
        opened = asyncio.Event()
        canary = Canary(
            routes,
            {lane: _health(courier) for lane, courier in couriers.items()},
            60.0 * settings.delivery.canary_minutes,
            transport=transport,
            watcher=witness,
        )
        lanes = lane_states(settings, couriers, credentials, asking, canary, outbox.unacknowledged)
        readiness = make_lookout(settings, outbox, signed, lanes, opened, stop)
        rules = rules_of(settings)
        replayer = Replayer(outbox, rules, witness)
        pausing = Pausing(outbox, rules, signed.append, lambda lane: couriers[lane].heed())
        papers = make_papers(settings, outbox, ledger)
        dry_run = make_dry_run(settings, {name: callers.door(name).line for name in settings.storefronts}, consents.run)
        clerk = Clerk(papers, dry_run, frozenset(settings.storefronts), signed.append)
        with opening("gateway"):
            door = make_console_door(settings, keyring, signed, callers, metrics)
        rooms = Rooms(
            outbox=outbox,
            reports=reports,
            reconciling=Reconciling(outbox, reports.shops, signed.append, readiness, time.time),
            papers=papers,
            clerk=clerk,
            exporter=Exporter(outbox, reports, readiness, signed.append, time.time),
            desk=desk,
            counter=counter,
            replayer=replayer,
            pausing=pausing,
            metrics=metrics,
            readiness=readiness,
            record=signed.append,
            zones={shop.id: shop.time_zone for shop in settings.storefronts.values()},
            wall=time.time,
            entrance=door,
        )
        stack.push_async_callback(door.close)
        live = Live(glance(metrics, readiness, SEEN_SECONDS))
        private = Private(
            outbox=outbox,
            metrics=metrics,
            storefronts=tuple(settings.storefronts),
            readiness=readiness,
            replayer=replayer,
            pausing=pausing,
            record=signed.append,
            counter=counter,
            reports=reports,
            reconciling=rooms.reconciling,
            clerk=clerk,
            exporter=rooms.exporter,
            door=door,
            site=Site(rooms, door, live),
            names=frozenset(settings.server.private_names),
        )
        metrics.watch_stores({"outbox": lambda: outbox.used, "ledger": lambda: ledger.used})
        _watch(metrics, settings, outbox, credentials, desk)
        tasks = [asyncio.create_task(courier.run(), name="courier") for courier in couriers.values()]
        tasks += [asyncio.create_task(inquirer.run(), name="inquirer") for inquirer in asking.values()]
        tasks.append(asyncio.create_task(watch(tuple(credentials.values())), name="credentials"))
        tasks.append(asyncio.create_task(Sweeper((outbox, ledger), log, signed.tell).run(), name="sweep"))
        tasks.append(asyncio.create_task(_listen_for_silence(reports, metrics, log), name="silence"))
        if settings.delivery.canary_minutes:
            tasks.append(asyncio.create_task(canary.run(), name="canary"))
        stack.push_async_callback(_stop_couriers, couriers, tasks, settings.server.stop_grace_seconds, hurry)
        caps = make_caps(settings, callers)
        inside = QuietServer(private.handle, caps, log, apology=private.apology, count=partial(metrics.unheard, Side.PRIVATE))
        private_address = await _listen(stack, inside, settings.server.private, log)
        stack.callback(live.close)
        outside = QuietServer(intake.handle, caps, log, intake.take, count=partial(metrics.unheard, Side.PUBLIC))
        public_address = await _listen(stack, outside, settings.server.public, log)
        opened.set()
        stack.callback(intake.close)
        stack.push_async_callback(_linger, settings.server.pre_stop_seconds, hurry)
        stack.callback(stop.set)
        gc.freeze()
        gc.set_threshold(GARBAGE_THRESHOLD)
        _announce(settings, metrics, log)
        yield Gateway(public_address, private_address, outbox, ledger, metrics, couriers, signed)


async def rehearse_all(settings: Settings, lanes: Collection[Lane], test_code: str | None) -> dict[Lane, Finding]:
    """Try these lanes' destinations out, all at the same time; no store is opened and nothing else is started."""
    async with AsyncExitStack() as stack:
        transport = await stack.enter_async_context(make_transport(settings))
        tokens = Tokens(transport)
        stack.push_async_callback(tokens.close)
        routes = make_routes(settings, make_credentials(settings, tokens))
        findings = await asyncio.gather(*(rehearse(routes[lane], transport, time.time, test_code) for lane in lanes))
        return dict(zip(lanes, findings, strict=True))


def _watch(
    metrics: Metrics, settings: Settings, outbox: SqliteOutbox, credentials: Mapping[Lane, Credential], desk: Desk
) -> None:
    """Let the metrics look at what is there at each scrape."""
    metrics.watch_outbox(tuple(credentials), outbox.waiting, time.time)
    metrics.watch_credentials({lane: _standing(credential) for lane, credential in credentials.items()})
    metrics.watch_departures(outbox.unacknowledged)
    metrics.watch_requests({storefront: _due_dates(desk, storefront) for storefront in desk.storefronts})
    metrics.watch_repeats(settings.storefronts, outbox.differing_repeats)


def _due_dates(desk: Desk, storefront: StorefrontId) -> Callable[[], Sequence[int]]:
    return lambda: [request.due_at for request in desk.open_requests(storefront)]


async def _listen(stack: AsyncExitStack, server: QuietServer, address: Address, log: Log) -> Address:
    """Open a listening socket; the stack closes it. Returns the address with the port that it turned out to have.

    Raises CannotListen.
    """
    runner = web.ServerRunner(server, handle_signals=False, shutdown_timeout=DRAIN_SECONDS)
    await runner.setup()
    stack.push_async_callback(runner.cleanup)
    site = web.TCPSite(runner, address.host, address.port, backlog=1024)
    try:
        await site.start()
    except OSError:
        raise CannotListen(address) from None
    host, port, *_ = runner.addresses[0]
    log.say(Happening.LISTENING, port=port)
    return Address(host, port)


def _health(courier: Courier) -> Callable[[], Health]:
    return lambda: courier.health


def _standing(credential: Credential) -> Callable[[], Standing]:
    return lambda: credential.standing


async def _listen_for_silence(reports: Reports, metrics: Metrics, log: Log) -> None:
    """Look now and then which event types stopped; and renew what reports remember, once a further day is over."""
    while True:
        try:
            await reports.each_silence(int(time.time()), metrics.silent)
            await reports.renew(int(time.time()))
        except Exception as error:  # noqa: BLE001 - it is listened again soon
            log.say(Happening.UNEXPECTED_ERROR, error=name_of(error), where=innermost_frame(error))
        await asyncio.sleep(SILENCE_SECONDS)


async def _linger(seconds: float, hurry: asyncio.Event) -> None:
    """Keep serving while load balancers notice that readiness is gone; a second signal cuts it short."""
    try:
        async with asyncio.timeout(seconds):
            await hurry.wait()
    except TimeoutError:
        return


async def _stop_couriers(
    couriers: Mapping[Lane, Courier], tasks: list[asyncio.Task[None]], seconds: float, hurry: asyncio.Event
) -> None:
    """Let couriers finish what they have in flight; a second signal, before or meanwhile, cuts it short."""
    stopping = [asyncio.create_task(courier.stop(seconds)) for courier in couriers.values()]
    hurrying = asyncio.create_task(_hurry(couriers, hurry))
    await asyncio.gather(*stopping)
    hurrying.cancel()
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def _hurry(couriers: Mapping[Lane, Courier], hurry: asyncio.Event) -> None:
    await hurry.wait()
    await asyncio.gather(*(courier.stop(0.0) for courier in couriers.values()))


def _announce(settings: Settings, metrics: Metrics, log: Log) -> None:
    log.say(Happening.STARTED, count=len(settings.storefronts))
    for storefront in settings.storefronts.values():
        for destination, adapter in storefront.destinations.items():
            if adapter.test_mode is not None:
                metrics.test_mode(Lane(storefront.id, destination), adapter.test_mode)
                log.say(Happening.TEST_MODE_ON, storefront=storefront.id, destination=destination)
            if destination in storefront.test_endpoints:
                metrics.test_endpoints_allowed()
                log.say(Happening.TEST_ENDPOINTS_ALLOWED, storefront=storefront.id, destination=destination)
    if settings.audit.signing_key is None:
        log.say(Happening.LOG_UNSIGNED)
