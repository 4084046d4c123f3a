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
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from functools import partial
from typing import Final

import msgspec
from aiohttp import web

from gateway.adapter import Adapter, Quota
from gateway.audit.advice import about_later_word, in_words
from gateway.audit.grounds import Regime
from gateway.audit.processing import TimeLimit
from gateway.audit.rehearsals import canary_state
from gateway.audit.standing import CredentialState, LaneState, Lookout, Readiness, breaker, throttle, token
from gateway.audit.trace import moment
from gateway.console.door import Door as ConsoleDoor
from gateway.console.live import SEEN_SECONDS, Live, glance
from gateway.console.rooms import Rooms
from gateway.console.site import Site
from gateway.console.tokens import write_host_token
from gateway.delivery.canary import Canary
from gateway.delivery.courier import Courier
from gateway.delivery.credentials import Credential, ReferredCredential, Standing
from gateway.delivery.inquirer import Inquirer, LaterWord, inquirers
from gateway.delivery.letters import ALWAYS_ASKED
from gateway.delivery.oauth import Tokens
from gateway.delivery.proving import written_out
from gateway.delivery.quota import Meter, strictest
from gateway.delivery.rehearsal import Finding
from gateway.delivery.rehearsing import rehearse
from gateway.delivery.replaying import Replayer
from gateway.delivery.route import Office, Route
from gateway.delivery.screening import Rules
from gateway.delivery.standing import Health
from gateway.delivery.transport import Transport
from gateway.intake.bodies import Bodies
from gateway.intake.callers import Callers, Door, Edge
from gateway.intake.consents import Consents
from gateway.intake.front_door import Intake
from gateway.intake.webhooks import Sender, Webhooks
from gateway.keys import Doorkeeper
from gateway.ledger import Ledger
from gateway.ledger.sqlite import SqliteLedger
from gateway.ledger.store import Options as LedgerOptions
from gateway.limits import Addresses, Bucket
from gateway.line import Line
from gateway.listener import Apology, Caps, Handler, QuietServer, Taker, as_it_is, assert_sound_aiohttp, takes_nothing
from gateway.log import Happening, Log, Reducer, innermost_frame, name_of
from gateway.metrics import NONE, VERSION, Metrics
from gateway.model import Destination, StorefrontId
from gateway.office import comparing
from gateway.office.archive import Archive
from gateway.office.clerk import Clerk
from gateway.office.dry_run import DryRun, Run, Way
from gateway.office.exporting import Exporter
from gateway.office.papers import Papers
from gateway.office.papers import Shop as FiledShop
from gateway.office.pausing import Pausing
from gateway.office.reconciling import Reconciling
from gateway.office.reports import Reports, Shop
from gateway.outbox import Lane, Outbox, Shut
from gateway.outbox.keyring import Keyring
from gateway.outbox.sqlite import SqliteOutbox
from gateway.outbox.store import Options
from gateway.persons import Persons
from gateway.private import Private, why_not_ready
from gateway.recording import recording
from gateway.rights.counter import Counter
from gateway.rights.desk import Bureau, Desk, Teller
from gateway.rights.retention import keepings
from gateway.settings import Address, PlainSettings, PlainStorefront, Settings, prove
from gateway.signing.chronicle import Chronicle
from gateway.signing.entry import StoreFailed
from gateway.signing.recorder import SignedLog
from gateway.signing.store import folder_in
from gateway.sweeping import Sweeper
from gateway.witness import Witness

MIN_FREE_BYTES: Final = 256 << 20
"""What the store leaves free on its volume for others."""
SILENCE_SECONDS: Final = 300.0
BROWSERS_PER_SECOND: Final = 20.0
BROWSERS_BURST: Final = 200.0
"""What one client network (/24, /64) may send to `/v1/collect`: far more than people do, far less than a script can."""
GARBAGE_THRESHOLD: Final = 50_000
"""Objects made before the collector looks for cycles. By default it looks several times within one batch, at 3 % of the CPU
(perf, batches of 100), and finds nothing: requests leave no cycles."""
DRAIN_SECONDS: Final = 10.0
"""How long requests that are being answered may take once the doors are closed."""


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
    """Run until SIGTERM or SIGINT, or until the store fails. Returns the process's exit code.

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
    try:
        async with running(settings, log, stop=stop, hurry=hurry) as gateway:
            started(gateway)
            said = await _mind((gateway.outbox, gateway.ledger), log, stop)
            log.say(Happening.STOPPING)
            if said:
                gateway.signed.tell(StoreFailed())
        failed = Shut.FAILED in {
            gateway.outbox.shut,
            gateway.ledger.shut,
        }  # asked after the last flush, which may be what failed
        if failed and not said:
            log.say(Happening.STORE_FAILED)
        return int(failed)
    finally:
        log.say(Happening.STOPPED)


async def _mind(stores: Sequence[Outbox | Ledger], log: Log, stop: asyncio.Event) -> bool:
    """Look at the stores' state, whether anybody is posting or not: write down its changes, end when one of them failed.

    Returns whether one did.
    """
    before: list[Shut | None] = [None] * len(stores)
    while not stop.is_set():
        shut = [store.shut for store in stores]
        for change in zip(before, shut, strict=True):
            if happening := SHUT_HAPPENINGS.get(change):
                log.say(happening)
        before = shut
        if Shut.FAILED in shut:
            log.say(Happening.STORE_FAILED)
            stop.set()
            return True
        with suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), MIND_SECONDS)
    return False


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
        outbox = await stack.enter_async_context(open_store(settings))
        ledger = await stack.enter_async_context(open_ledger(settings))
        keyring = Keyring.load(settings.server.key_file)
        make_archive(settings)
        signed = await stack.enter_async_context(recording(settings, keyring, metrics, log))
        transport = await stack.enter_async_context(_transport(settings))
        tokens = Tokens(transport)
        stack.push_async_callback(tokens.close)
        witness = Witness(metrics, log, signed.tell)
        office = Office(outbox, transport, witness, settings.delivery.pace)
        credentials = make_credentials(settings, tokens, witness.credential)
        routes = _routes(settings, credentials)
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
        lanes = _lane_states(settings, couriers, credentials, asking, canary, outbox.unacknowledged)
        readiness = _readiness(settings, outbox, signed, lanes, opened, stop)
        rules = rules_of(settings)
        replayer = Replayer(outbox, rules, witness)
        pausing = Pausing(outbox, rules, signed.append, lambda lane: couriers[lane].heed())
        papers = make_papers(settings, outbox, ledger)
        dry_run = make_dry_run(settings, {name: callers.door(name).line for name in settings.storefronts}, consents.run)
        clerk = Clerk(papers, dry_run, frozenset(settings.storefronts), signed.append)
        door = _console_door(settings, keyring, signed, callers, metrics)
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
        _watch(metrics, settings, outbox, credentials, desk)
        tasks = [asyncio.create_task(courier.run(), name="courier") for courier in couriers.values()]
        tasks += [asyncio.create_task(inquirer.run(), name="inquirer") for inquirer in asking.values()]
        tasks.append(asyncio.create_task(Sweeper((outbox, ledger), log, signed.tell).run(), name="sweep"))
        tasks.append(asyncio.create_task(_listen_for_silence(reports, metrics, log), name="silence"))
        if settings.delivery.canary_minutes:
            tasks.append(asyncio.create_task(canary.run(), name="canary"))
        stack.push_async_callback(_stop_couriers, couriers, tasks, settings.server.stop_grace_seconds, hurry)
        private_address = await _listen(
            stack, private.handle, settings.server.private, _caps(settings, callers), log, apology=private.apology
        )
        stack.callback(live.close)
        public_address = await _listen(stack, intake.handle, settings.server.public, _caps(settings, callers), log, intake.take)
        opened.set()
        stack.callback(intake.close)
        stack.push_async_callback(_linger, settings.server.pre_stop_seconds, hurry)
        stack.callback(stop.set)
        gc.freeze()
        gc.set_threshold(GARBAGE_THRESHOLD)
        _announce(settings, metrics, log)
        yield Gateway(public_address, private_address, outbox, ledger, metrics, couriers, signed)


def _watch(
    metrics: Metrics, settings: Settings, outbox: SqliteOutbox, credentials: Mapping[Lane, Credential], desk: Desk
) -> None:
    """Let the metrics look at what is there at each scrape."""
    metrics.watch_outbox(tuple(credentials), outbox.waiting, time.time)
    metrics.watch_credentials({lane: _standing(credential) for lane, credential in credentials.items()})
    metrics.watch_departures(outbox.unacknowledged)
    metrics.watch_requests({storefront: _due_dates(desk, storefront) for storefront in desk.storefronts})
    metrics.watch_repeats(settings.storefronts, outbox.differing_repeats)


@asynccontextmanager
async def open_store(settings: PlainSettings) -> AsyncIterator[SqliteOutbox]:
    """Open the store of these settings, and close it at the end of the block. Raises CannotOpen, BadKeyFile."""
    outbox = await SqliteOutbox.open(
        settings.server.data_dir,
        Keyring.load(settings.server.key_file),
        _lanes(settings),
        Options(
            max_bytes=settings.outbox.max_bytes,
            min_free_bytes=MIN_FREE_BYTES,
            inquiry_first_seconds=settings.delivery.inquiry_first_seconds,
            sendings_days=settings.retention.sent_days,
            dead_days=settings.retention.dead_letters_days,
            withdrawals_days=settings.retention.withdrawals_days,
            figures_days=settings.retention.figures_days,
            zones={shop.id: shop.time_zone for shop in settings.storefronts.values()},
        ),
    )
    try:
        yield outbox
    finally:
        await outbox.close()


@asynccontextmanager
async def open_ledger(settings: PlainSettings) -> AsyncIterator[SqliteLedger]:
    """Open the ledger beside the open store, and close it at the end of the block. Raises CannotOpen, BadKeyFile."""
    ledger = await SqliteLedger.open(
        settings.server.data_dir,
        Keyring.load(settings.server.key_file),
        LedgerOptions(
            max_bytes=settings.ledger.max_bytes,
            min_free_bytes=MIN_FREE_BYTES,
            records_days=settings.retention.consent_records_days,
            requests_days=settings.retention.requests_days,
        ),
    )
    try:
        yield ledger
    finally:
        await ledger.close()


def _transport(settings: Settings) -> Transport:
    """Make the client, which reaches the hosts of the contracts and no others."""
    contracts = [contract for storefront in settings.storefronts.values() for contract in storefront.contracts.values()]
    return Transport(
        hosts=frozenset(host for contract in contracts for host in contract.hosts),
        token_hosts=frozenset(host for contract in contracts for host in contract.token_hosts),
    )


def _lanes(settings: PlainSettings) -> list[Lane]:
    return [Lane(s.id, destination) for s in settings.storefronts.values() for destination in s.destinations]


def _meters(settings: Settings) -> dict[tuple[Destination, str], Meter]:
    """Make one meter for each credential of each platform, whichever storefronts use it."""
    quotas: dict[tuple[Destination, str], list[Quota]] = {}
    for storefront in settings.storefronts.values():
        for destination, reference in storefront.credentials.items():
            quotas.setdefault((destination, reference), []).append(storefront.quotas[destination])
    return {shared: Meter(strictest(*told)) for shared, told in quotas.items()}


def make_credentials(
    settings: Settings, tokens: Tokens, told: Callable[[Lane, bool], None] = lambda _lane, _usable: None
) -> dict[Lane, Credential]:
    """Make each lane's credential; `told` hears of references that were written anew, and whether they can be used."""
    return {
        Lane(s.id, destination): ReferredCredential(
            adapter, s.logins[destination], tokens, partial(told, Lane(s.id, destination))
        )
        for s in settings.storefronts.values()
        for destination, adapter in s.destinations.items()
    }


def _routes(settings: Settings, credentials: Mapping[Lane, Credential]) -> dict[Lane, Route]:
    meters = _meters(settings)
    return {
        Lane(s.id, destination): Route(
            lane=Lane(s.id, destination),
            adapter=adapter,
            base_url=s.base_urls[destination],
            credential=credentials[Lane(s.id, destination)],
            contract=s.contracts[destination],
            max_consent_age=s.consent.policy.max_age,
            meter=meters[destination, s.credentials[destination]],
        )
        for s in settings.storefronts.values()
        for destination, adapter in s.destinations.items()
    }


async def rehearse_all(settings: Settings, lanes: Collection[Lane], test_code: str | None) -> dict[Lane, Finding]:
    """Try these lanes' destinations out, all at the same time; no store is opened and nothing else is started."""
    async with AsyncExitStack() as stack:
        transport = await stack.enter_async_context(_transport(settings))
        tokens = Tokens(transport)
        stack.push_async_callback(tokens.close)
        routes = _routes(settings, make_credentials(settings, tokens))
        findings = await asyncio.gather(*(rehearse(routes[lane], transport, time.time, test_code) for lane in lanes))
        return dict(zip(lanes, findings, strict=True))


def rules_of(settings: PlainSettings) -> dict[Lane, Rules]:
    """Say for each lane what its dead letters are held against."""
    return {
        Lane(s.id, destination): Rules(adapter.limits, s.consent.policy.max_age, adapter.refuses, ALWAYS_ASKED)
        for s in settings.storefronts.values()
        for destination, adapter in s.destinations.items()
    }


def make_desk(
    settings: PlainSettings, outbox: Outbox, ledger: Ledger, teller: Teller, wall: Callable[[], float] = time.time
) -> Desk:
    """Make the desk over both open stores, for every storefront; its `load` is still to be awaited."""
    kept = keepings(settings.retention.periods)
    return Desk(
        outbox=outbox,
        ledger=ledger,
        persons=Persons(Keyring.load(settings.server.key_file).pepper),
        bureaus={s.id: Bureau(tuple(s.destinations), kept) for s in settings.storefronts.values()},
        teller=teller,
        wall=wall,
    )


def make_archive(settings: PlainSettings) -> Archive:
    """Keep the contracts that are in force beside those that were."""
    archive = Archive(settings.server.data_dir)
    archive.keep(contract.file for shop in settings.storefronts.values() for contract in shop.contracts.values())
    return archive


def make_papers(settings: PlainSettings, outbox: Outbox, ledger: Ledger) -> Papers:
    """Make the papers over both open stores and the log, for every storefront."""
    return Papers(
        outbox=outbox,
        shops={shop.id: _filed(shop) for shop in settings.storefronts.values()},
        archive=Archive(settings.server.data_dir),
        chronicle=Chronicle(folder_in(settings.server.data_dir)),
        register=ledger.requests,
        company=settings.company.stated,
        time_limits=[
            TimeLimit(what=one.what, until=one.until, bound=one.bound) for one in keepings(settings.retention.periods)
        ],
        version=VERSION,
    )


def _filed(shop: PlainStorefront) -> FiledShop:
    """Give what the papers must know of a storefront."""
    consent = shop.consent
    return FiledShop(
        contracts=shop.contracts,
        in_use={
            name: frozenset(
                used
                for outgoing, _ in written_out(adapter, shop.base_urls[name], shop.secrets[name])
                if (used := shop.contracts[name].name_of(outgoing)) is not None
            )
            for name, adapter in shop.destinations.items()
        },
        regime=Regime(
            profile=consent.profile.value,
            rule=consent.policy.rule,
            banner_regions=list(consent.banner_regions),
            grant_outweighs_opt_out=consent.grant_outweighs_opt_out,
            max_age_days=consent.max_age_days,
            hold_unmatched_minutes=consent.hold_unmatched_minutes,
        ),
        smallest_group=shop.smallest_group,
        time_zone=shop.time_zone,
    )


def make_dry_run(settings: PlainSettings, lines: Mapping[StorefrontId, Line], run: Run) -> DryRun:
    """Make the dry run: each storefront's own line, adapters and contracts. `run` carries events down a line."""
    return DryRun(lines, _ways(settings), run)


def make_lines(settings: PlainSettings) -> dict[StorefrontId, Line]:
    """Make each storefront's line."""
    persons = Persons(Keyring.load(settings.server.key_file).pepper)
    return {shop.id: _line(shop, persons) for shop in settings.storefronts.values()}


def _line(storefront: PlainStorefront, persons: Persons) -> Line:
    adapters = dict(storefront.destinations)
    return Line(storefront.id, storefront.consent.policy, adapters, frozenset(storefront.origins), persons)


def make_comparing(settings: Settings, storefront: StorefrontId, now: int) -> comparing.Run:
    """Make what a storefront's recording is run through; `now` (Unix seconds) is for requests without a time."""
    callers = make_callers(settings)
    ways = {lane.destination: way for lane, way in _ways(settings).items() if lane.storefront == storefront}
    return comparing.Run(comparing.Shop(callers.door(storefront), ways, callers, _edge(settings)), now)


def _ways(settings: PlainSettings) -> dict[Lane, Way]:
    rules = rules_of(settings)
    return {
        Lane(s.id, name): Way(
            adapter=adapter,
            base_url=s.base_urls[name],
            contract=s.contracts[name],
            rules=rules[Lane(s.id, name)],
            secrets=s.secrets[name],
        )
        for s in settings.storefronts.values()
        for name, adapter in s.destinations.items()
    }


def make_webhooks(settings: Settings, callers: Callers, desk: Desk, outbox: Outbox, metrics: Metrics) -> Webhooks:
    """Make the door of the storefronts that are shops on a platform, each with the bucket and the line of its own door."""
    return Webhooks(
        [
            Sender(source, shop.names, shop.secrets, shop.orders.reads, callers.door(storefront.id))
            for storefront in settings.storefronts.values()
            for source, shop in storefront.shops.items()
        ],
        desk,
        outbox,
        metrics,
    )


def _console_door(settings: Settings, keyring: Keyring, signed: SignedLog, callers: Callers, metrics: Metrics) -> ConsoleDoor:
    """Make the console's door, with a new token of the host's own. Raises OSError when that cannot be written."""
    return ConsoleDoor(
        settings.console,
        pepper=keyring.pepper,
        host_token=write_host_token(settings.server.data_dir),
        record=signed.append,
        tell=signed.tell,
        count=metrics.sign_in,
        address=callers.address,
    )


def _due_dates(desk: Desk, storefront: StorefrontId) -> Callable[[], Sequence[int]]:
    return lambda: [request.due_at for request in desk.open_requests(storefront)]


def make_callers(settings: Settings) -> Callers:
    """Make those who may call, with the line of each storefront."""
    pepper = Keyring.load(settings.server.key_file).pepper
    persons, shops = Persons(pepper), settings.storefronts.values()
    return Callers(
        Doorkeeper(pepper, {shop.id: shop.keys for shop in shops}),
        {shop.id: _door(shop, persons) for shop in shops},
        _edge(settings),
    )


def _edge(settings: Settings) -> Edge:
    server = settings.server
    return Edge(server.trusted_proxies, server.country_header, server.region_header)


def _door(storefront: PlainStorefront, persons: Persons) -> Door:
    return Door(
        line=_line(storefront, persons),
        origins=frozenset(storefront.origins),
        allow_null_origin=storefront.allow_null_origin,
        bucket=Bucket(storefront.events_per_second, storefront.burst, time.monotonic()),
        hold_seconds=60 * storefront.consent.hold_unmatched_minutes,
        measurement_ids=storefront.measurement_ids,
        data_tag=storefront.data_tag,
    )


def _caps(settings: Settings, callers: Callers) -> Caps:
    server = settings.server
    return Caps(server.max_connections, server.max_connections_per_client, server.header_seconds, exempt=callers.trusts)


async def _listen(  # noqa: PLR0913, PLR0917 - each once
    stack: AsyncExitStack,
    handler: Handler,
    address: Address,
    caps: Caps,
    log: Log,
    taker: Taker = takes_nothing,
    apology: Apology = as_it_is,
) -> Address:
    """Open a listening socket; the stack closes it. Returns the address with the port that it turned out to have.

    Raises CannotListen.
    """
    server = QuietServer(handler, caps, log, taker, apology)
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


def shops_of(settings: PlainSettings) -> dict[StorefrontId, Shop]:
    """Give what reports must know of each storefront."""
    return {
        shop.id: Shop(
            shop.time_zone, shop.smallest_group, {where: adapter.limits.max_age for where, adapter in shop.destinations.items()}
        )
        for shop in settings.storefronts.values()
    }


def _readiness(  # noqa: PLR0913, PLR0917 - rooms and moments, each once
    settings: Settings,
    outbox: Outbox,
    signed: SignedLog,
    lanes: Callable[[Sequence[StorefrontId]], dict[str, dict[str, LaneState]]],
    opened: asyncio.Event,
    stop: asyncio.Event,
) -> Lookout:
    test_endpoints = any(s.test_endpoints for s in settings.storefronts.values())

    def readiness(*of: StorefrontId) -> Readiness:
        why = why_not_ready(outbox.shut, opened=opened.is_set(), stopping=stop.is_set())
        return Readiness(
            ready=why is None,
            why=why,
            test_endpoints=test_endpoints,
            log=signed.state.value,
            lanes=lanes(of),
        )

    return readiness


def _lane_states(  # noqa: PLR0913, PLR0917 - rooms, each once
    settings: Settings,
    couriers: Mapping[Lane, Courier],
    credentials: Mapping[Lane, Credential],
    asking: Mapping[Lane, Inquirer],
    canary: Canary,
    unacknowledged: Callable[[Lane], int],
) -> Callable[[Sequence[StorefrontId]], dict[str, dict[str, LaneState]]]:
    def state(lane: Lane, adapter: Adapter) -> LaneState:
        health, standing, word = couriers[lane].health, credentials[lane].standing, asking[lane].later_word
        violation, seen = health.violation or asking[lane].violation, canary.found(lane)
        held = None if standing.seconds is None else int(standing.seconds)
        return LaneState(
            up=health.up,
            reason=None if health.reason is None else health.reason.value,
            due=None if health.due is None else moment(int(health.due)),
            test_mode=adapter.test_mode,
            credential=CredentialState(
                kind=standing.kind.value,
                state=token(health.paused, usable=standing.usable, held=held is not None).value,
                seconds=held,
            ),
            throttle=throttle(health.throttled_until, health.last_code),
            breaker=breaker(health.failures, opened=health.breaker_open),
            canary=None if seen is None else canary_state(lane.destination, seen.at, seen.finding),
            advice=_advice(lane, health, word),
            misconfigured=_not_set_up(health, word),
            violation=None if violation is None else [str(place) for place in violation.places],
            new_shapes=unacknowledged(lane),
            paused_at=None if health.paused_at is None else moment(health.paused_at),
        )

    return lambda of: {
        str(name): {d.value: state(Lane(name, d), adapter) for d, adapter in settings.storefronts[name].destinations.items()}
        for name in of
    }


def _advice(lane: Lane, health: Health, word: LaterWord) -> str | None:
    """Say what to do about a lane: about why nothing goes there, else about what is not set up at the platform."""
    if health.reason is not None:
        return in_words(lane.destination, health.reason, health.last_code)
    code = _not_set_up(health, word)
    return None if code is None else about_later_word(lane.destination, None if code == NONE else code)


def _not_set_up(health: Health, word: LaterWord) -> str | None:
    """Give the platform's code for what is not set up, be it said at once or later; None when it finds nothing."""
    if health.not_set_up is not None:
        return health.not_set_up.code or NONE
    return (word.code or NONE) if word.misconfigured else None


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
