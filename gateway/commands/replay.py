"""`consent-gateway replay`: shows which dead letters may go again, and with --yes gives them back to their couriers."""

import argparse
import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import msgspec
from rich.table import Table

from gateway import replay
from gateway.audit.letters import Listing, SliceTold, list_dead, tell_slice
from gateway.commands.asking import NotRunning, Question, ask, open_closed, open_closed_log, troubled
from gateway.commands.configuration import settings_of, storefront_named
from gateway.commands.ending import Ended
from gateway.commands.progress import bar
from gateway.commands.showing import err, out, show, show_json
from gateway.delivery.letters import Order
from gateway.delivery.replaying import Replayer, count_dead
from gateway.model.texts import StorefrontId
from gateway.model.words import Destination
from gateway.settings import PlainSettings
from gateway.signing.acts import replay_of
from gateway.signing.entry import COMMAND


def run(arguments: argparse.Namespace) -> int:
    """Show or do a replay; gives 0. Raises Ended."""
    settings = settings_of(arguments)
    name = storefront_named(settings, arguments.storefront)
    known = settings.storefronts[name].destinations
    if arguments.destination is not None and arguments.destination not in known:
        raise Ended(2, f"The storefront has no such destination; it has {', '.join(known)}.")
    orders = _orders(name, [one for one in known if arguments.destination in (None, one)], arguments)
    return asyncio.run(_replay_all(settings, name, orders, arguments))


def _orders(storefront: StorefrontId, destinations: Sequence[Destination], arguments: argparse.Namespace) -> Sequence[Order]:
    return [
        Order(
            storefront=str(storefront),
            destination=destination,
            reasons=arguments.reason,
            codes=arguments.code,
            event=arguments.event,
            since=arguments.since,
            until=int(time.time()),  # what dies from now on was not shown, so it is not done
        )
        for destination in destinations
    ]


async def _replay_all(
    settings: PlainSettings, storefront: StorefrontId, orders: Sequence[Order], arguments: argparse.Namespace
) -> int:
    """Show what a replay would do, and do it if that was asked for."""
    async with _asking_to_replay(settings, storefront) as (asking, dead):
        wanted = {order.destination.value for order in orders}
        count = sum(one["count"] for one in dead["letters"] if one["destination"] in wanted)
        found = await _replay_once(asking, orders, "looking", count)
        if not arguments.json:
            _print(found, dry_run=True)
        if arguments.yes and found.going:
            found = await _replay_once(
                asking, [msgspec.structs.replace(order, dry_run=False) for order in orders], "replaying", count
            )
            if not arguments.json:
                out.print(
                    f"Replayed: {found.going} event(s). `consent-gateway accounts {storefront}` shows how they fare.",
                    markup=False,
                )
        if arguments.json:
            show_json(replay.as_json(found, dry_run=not arguments.yes))
        elif found.going and not arguments.yes:
            out.print("Nothing was done. Run it again with --yes to do this.")
    return 0


async def _replay_once(asking: replay.Ask, orders: Sequence[Order], what: str, count: int) -> replay.Totals:
    """Go through all orders with a progress bar. What is done stays done when it is interrupted, and is said."""
    totals = replay.Totals()
    with bar("{task.fields[going]} to go again") as progress:
        task = progress.add_task(what, total=count, going=0)

        def told(now: replay.Totals) -> None:
            progress.update(task, completed=min(now.looked_at, count), going=now.going)

        try:
            await replay.run(asking, orders, told, totals)
        except (asyncio.CancelledError, KeyboardInterrupt):
            err.print(
                f"Stopped while {what}, at {totals.looked_at} letters: {totals.going} to go again. Run it again to go on."
            )
            raise
    return totals


def _print(totals: replay.Totals, *, dry_run: bool) -> None:
    if not totals.lots:
        out.print("There are no such dead letters.")
        return
    table = Table(*replay.COLUMNS)
    for row in replay.rows(totals):
        table.add_row(*row)
    show(table)
    would = "would go again" if dry_run else "go again"
    out.print(f"{totals.going} event(s) {would}, {totals.staying} may not.")


@asynccontextmanager
async def _asking_to_replay(settings: PlainSettings, storefront: StorefrontId) -> AsyncIterator[tuple[replay.Ask, Listing]]:
    """Give how to ask for a slice, and what is dead: over a running gateway, else over its closed store. Raises Ended."""
    try:
        listing = ask(settings, Question(Listing, "/api/v1/dead-letters", {"storefront": storefront}))
    except NotRunning:
        async with _closed(settings, storefront) as closed:
            yield closed
        return
    if listing is None:
        raise troubled("unknown_storefront")

    async def running(order: Order) -> SliceTold:
        try:
            found = await asyncio.to_thread(ask, settings, Question(SliceTold, "/api/v1/replay", {}, order))
        except NotRunning:
            raise troubled("gone") from None
        if found is None:
            raise troubled("unknown_lane")
        return found

    yield running, listing


@asynccontextmanager
async def _closed(settings: PlainSettings, storefront: StorefrontId) -> AsyncIterator[tuple[replay.Ask, Listing]]:
    from gateway.assembly import rules_of  # noqa: PLC0415 - whom a running gateway answers needs none of it

    async with open_closed(settings) as outbox, open_closed_log(settings) as record:
        replayer = Replayer(outbox, rules_of(settings))

        async def slice_of(order: Order) -> SliceTold:
            if not order.dry_run:
                await record(replay_of(order, COMMAND))
            found = await replayer.replay(order, time.time())
            if found is None:
                raise troubled("unknown_lane")
            return tell_slice(found)

        yield slice_of, list_dead(await count_dead(outbox, storefront))
