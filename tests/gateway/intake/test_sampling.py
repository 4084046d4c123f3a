"""Samples at the door: each kind of event once a minute, however seldom it comes; no value in it."""

from pathlib import Path

import msgspec

from gateway.intake.sampling import Arrived, Sampler
from gateway.model.texts import EventId
from gateway.model.words import Kind, Source
from gateway.raw import RawEvent
from tests.doorway import SHOP, doorway, purchase
from tests.gateway.outbox.making import NOW, accept


async def test_each_kind_is_sampled_once_a_minute(tmp_path: Path) -> None:
    """A purchase between many page views too; what was dropped is counted."""
    view = purchase("v1", event="page_view")
    async with doorway(tmp_path) as door:
        await door.post({"events": [view, purchase("v2", event="page_view", surprise=1)]})
        await door.post(purchase("p1"))
        door.clock.pass_by(30)
        await door.post(purchase("p2"))
        inputs, _ = await door.outbox.samples(SHOP)
        told = {one.kind.value: (one.at, one.events, one.unknown) for one in inputs}
        begun = int(door.clock.wall) - 30
        assert told == {"page_view": (begun, 2, 1), "purchase": (begun, 1, 0)}
        door.clock.pass_by(31)
        await door.post(purchase("p3"))
        inputs, _ = await door.outbox.samples(SHOP)
        assert {one.kind.value: one.at for one in inputs}["purchase"] == begun + 61
        assert b"jane@example.com" not in msgspec.json.encode(inputs)


async def test_what_was_not_accepted_is_no_sample(tmp_path: Path) -> None:
    """Nothing is remembered of an event without consent, not even its shape."""
    async with doorway(tmp_path) as door:
        await door.post(purchase(consent={"advertising": False}))
        assert (await door.outbox.samples(SHOP))[0] == []


async def test_nobody_waits_for_a_kind_that_does_not_come(tmp_path: Path) -> None:
    """A shop that posts nothing but purchases is asked for a sample once a minute, and not with every request of it."""
    purchases, views = ([RawEvent(kind, EventId("1"), NOW)] for kind in (Kind.PURCHASE, Kind.PAGE_VIEW))
    async with doorway(tmp_path) as door:
        sampler = Sampler(door.outbox)
        assert sampler.is_due(SHOP, purchases, NOW)
        await sampler.take(SHOP, Arrived(Source.EVENTS, purchases, {}, 100), [accept(1)], NOW)
        assert not sampler.is_due(SHOP, purchases, NOW + 59)
        assert sampler.is_due(SHOP, [*purchases, *views], NOW + 59)
        assert sampler.is_due(SHOP, purchases, NOW + 60)
