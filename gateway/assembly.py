"""What a configuration makes of each room: stores, routes, callers, the desk, papers, and the rest, each by itself.

Nothing is started here. `app` puts all of it together and gives it a life; a command takes what it needs and no more.
"""

import os
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import partial
from typing import Final

from gateway.adapter import Quota
from gateway.audit.grounds import Regime
from gateway.audit.processing import TimeLimit
from gateway.console.door import Door as ConsoleDoor
from gateway.console.tokens import write_host_token
from gateway.delivery.credentials import Credential, ReferredCredential
from gateway.delivery.letters import ALWAYS_ASKED
from gateway.delivery.oauth import Tokens
from gateway.delivery.proving import written_out
from gateway.delivery.quota import Meter, strictest
from gateway.delivery.route import Route
from gateway.delivery.screening import Rules
from gateway.delivery.transport import Transport
from gateway.intake.callers import Callers, Door, Edge
from gateway.intake.webhooks import Sender, Webhooks
from gateway.keys import Doorkeeper, StoredKey
from gateway.ledger import Ledger
from gateway.ledger.sqlite import SqliteLedger
from gateway.ledger.store import Options as LedgerOptions
from gateway.limits import Bucket
from gateway.line import Line
from gateway.listener import Caps
from gateway.metrics import VERSION, Metrics
from gateway.model.texts import StorefrontId
from gateway.model.words import Destination
from gateway.office import comparing
from gateway.office.archive import Archive
from gateway.office.dry_run import DryRun, Run, Way
from gateway.office.papers import Papers
from gateway.office.papers import Shop as FiledShop
from gateway.office.reports import Shop
from gateway.outbox import Outbox
from gateway.outbox.engine.sqlite import SqliteOutbox
from gateway.outbox.engine.store import Options
from gateway.outbox.work import Lane
from gateway.persons import Persons
from gateway.rights.desk import Bureau, Desk, Teller
from gateway.rights.retention import keepings
from gateway.settings import PlainSettings, PlainStorefront, Settings
from gateway.signing.chronicle import Chronicle
from gateway.signing.recorder import SignedLog
from gateway.signing.store import folder_in
from gateway.storage.keyring import KEY_BYTES, Keyring

MIN_FREE_BYTES: Final = 256 << 20
"""What the store leaves free on its volume for others."""


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


def make_transport(settings: Settings) -> Transport:
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
) -> dict[Lane, ReferredCredential]:
    """Make each lane's credential; `told` hears of references that were written anew, and whether they can be used."""
    return {
        Lane(s.id, destination): ReferredCredential(
            adapter, s.logins[destination], tokens, partial(told, Lane(s.id, destination))
        )
        for s in settings.storefronts.values()
        for destination, adapter in s.destinations.items()
    }


def make_routes(settings: Settings, credentials: Mapping[Lane, Credential]) -> dict[Lane, Route]:
    """Make each lane's way out; lanes that share a platform's credential share its quota."""
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


def make_comparing(settings: PlainSettings, storefront: StorefrontId, now: int) -> comparing.Run:
    """Make what a storefront's recording is run through; `now` (Unix seconds) is for requests without a time.

    It needs no secret: keys are not looked at, and what is hashed is thrown away, so any pepper will do.
    """
    callers = _callers(settings, os.urandom(KEY_BYTES), {})
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


def make_console_door(
    settings: Settings, keyring: Keyring, signed: SignedLog, callers: Callers, metrics: Metrics
) -> ConsoleDoor:
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


def make_callers(settings: Settings) -> Callers:
    """Make those who may call, with the line of each storefront."""
    keys = {shop.id: shop.keys for shop in settings.storefronts.values()}
    return _callers(settings, Keyring.load(settings.server.key_file).pepper, keys)


def _callers(settings: PlainSettings, pepper: bytes, keys: Mapping[StorefrontId, Sequence[StoredKey]]) -> Callers:
    persons = Persons(pepper)
    doors = {shop.id: _door(shop, persons) for shop in settings.storefronts.values()}
    return Callers(Doorkeeper(pepper, keys), doors, _edge(settings))


def _edge(settings: PlainSettings) -> Edge:
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


def make_caps(settings: Settings, callers: Callers) -> Caps:
    """Make what a listener bears of connections; proxies that are trusted are not counted by address."""
    server = settings.server
    return Caps(server.max_connections, server.max_connections_per_client, server.header_seconds, exempt=callers.trusts)


def shops_of(settings: PlainSettings) -> dict[StorefrontId, Shop]:
    """Give what reports must know of each storefront."""
    return {
        shop.id: Shop(
            shop.time_zone, shop.smallest_group, {where: adapter.limits.max_age for where, adapter in shop.destinations.items()}
        )
        for shop in settings.storefronts.values()
    }
