"""A recording through the gateway's own line, adapters and contracts; and the whole command over made-up traffic."""

import json
from pathlib import Path
from typing import Any, Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.assembly import make_comparing
from gateway.audit.comparison import Came, Comparison, Recording, compare
from gateway.audit.observations import interface_of, sent_in
from gateway.audit.recordings import Recorded, read
from gateway.delivery.clocks import Time
from gateway.delivery.contract import Outgoing
from gateway.intake.front_door import ROUTES
from gateway.model.texts import EventId, StorefrontId
from gateway.model.words import Destination, Source
from gateway.office.comparing import READERS
from gateway.office.dry_run import Way, try_way
from gateway.outbox.entries import Accept
from gateway.settings import load
from gateway.sources.native import decode
from tests.doorway import NOW, NOWHERE, edit, purchase, refused
from tests.live import ORIGIN, STOREFRONT, Installation, install

META, PINTEREST, GOOGLE = Destination
SHOP: Final = StorefrontId(STOREFRONT)
AGENT: Final = "Mozilla/5.0 (X11; Linux x86_64) Chrome/142.0.0.0"
RECORDINGS: Final = Path(__file__).parents[2] / "data" / "recordings"


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Installation:
    """A gateway that nobody starts."""
    return install(tmp_path_factory.mktemp("gateway") / "it", NOWHERE)


def run(installation: Installation, *requests: Recorded) -> Recording:
    """Run requests through."""
    through = make_comparing(load(installation.config, {}), SHOP, NOW)
    for request in requests:
        through.take(request)
    return through.recording


def posted(*events: Any, path: str = "/v1/events", at: int | None = NOW, **headers: str) -> Recorded:
    """Make a request with events in the gateway's own format."""
    told = {name.replace("_", "-"): (value,) for name, value in headers.items()}
    return Recorded(1, "POST", "t.example", path, headers=told, body=json.dumps({"events": events}).encode(), at=at)


def reasons(event: Came) -> dict[Destination, str]:
    """Give why an event is not sent, by destination."""
    return {destination: way for destination, way in event.ways.items() if isinstance(way, str)}


def test_what_the_line_lets_through_is_seen_as_it_would_leave(installation: Installation) -> None:
    """At the platform's own interface, whatever endpoint the configuration tests with."""
    (event,) = run(installation, posted(purchase())).events
    assert reasons(event) == {}
    interfaces = {destination: way[0].interface for destination, way in event.ways.items() if not isinstance(way, str)}
    assert interfaces == {META: "Conversions API", PINTEREST: "API for Conversions", GOOGLE: "Data Manager"}
    assert all(field.allowed for way in event.ways.values() if not isinstance(way, str) for one in way for field in one.fields
               if field.path.startswith("data[]"))  # fmt: skip


def test_what_the_line_refuses_has_the_reason_of_each_destination(installation: Installation) -> None:
    """The same codes as at the front door."""
    (event,) = run(installation, posted(refused())).events
    assert set(reasons(event).values()) == {"advertising_denied"}
    (event,) = run(installation, posted(purchase(consent={"advertising": True, "vendors": {"meta": False}}))).events
    assert reasons(event) == {META: "vendor_denied"}


def test_what_breaks_a_rule_is_counted_by_field_and_rule(installation: Installation) -> None:
    """It goes nowhere."""
    came = run(installation, posted(purchase() | {"order": {"value": "x", "currency": "EUR"}}, purchase("2")))
    assert dict(came.faults) == {("order.value", "bad_format"): 1}
    assert set(reasons(came.events[0]).values()) == {"invalid"}
    assert len(came.events) == 2


@pytest.mark.parametrize("body", [b"{", b"[]", b'"x"', json.dumps({"events": [{}] * 501}).encode()])
def test_a_request_that_cannot_be_taken_apart_is_one_fault(installation: Installation, body: bytes) -> None:
    """As at the door it would be one error."""
    came = run(installation, Recorded(1, "POST", "t.example", "/v1/events", body=body, at=NOW))
    assert (sum(came.faults.values()), len(came.events)) == (1, 1)


def test_an_event_that_came_before_is_a_repeat(installation: Installation) -> None:
    """A refused one is not: nothing was accepted."""
    came = run(installation, posted(purchase("1"), purchase("1"), refused("2"), refused("2"), purchase("2")))
    assert (came.repeats, len(came.events)) == (1, 4)


def test_time_is_what_the_recording_says(installation: Installation) -> None:
    """An hour that was recorded last month is judged as of then; without a time it is now."""
    old = posted(purchase(occurred_at=NOW - 90 * 86_400), at=NOW - 90 * 86_400)
    came = run(installation, old, posted(purchase("2"), at=None))
    assert [reasons(event) for event in came.events] == [{}, {}]
    assert (came.since, came.until) == (NOW - 90 * 86_400, NOW - 90 * 86_400)


def test_other_requests_are_passed_over(installation: Installation) -> None:
    """Scripts, pictures, preflights."""
    preflight = Recorded(2, "OPTIONS", "t.example", "/v1/events", at=NOW)
    came = run(
        installation, Recorded(1, "GET", "t.example", "/gtag/js"), preflight, posted(purchase(), path="/below/v1/events")
    )
    assert (came.requests, came.passed_over, len(came.events)) == (3, 2, 1)


@pytest.mark.parametrize(
    ("origin", "strangers"), [(ORIGIN, {}), ("https://other.example", {"origin": 1}), ("null", {"origin": 1})]
)
def test_another_shops_page_is_a_stranger(installation: Installation, origin: str, strangers: dict[str, int]) -> None:
    """Where the recording says which page it was."""
    came = run(installation, posted(purchase(), path="/v1/collect", origin=origin))
    assert (dict(came.strangers), len(came.events)) == (strangers, not strangers)


def test_another_propertys_tag_is_a_stranger(tmp_path: Path) -> None:
    """Where the storefront has named its own; else every one is taken for its."""
    there = install(tmp_path / "it", NOWHERE)
    tagged = [
        Recorded(1, "GET", "t", "/g/collect", f"v=2&tid=G-{n}&en=page_view&cid=1.2&_p=1&_s=1", at=NOW) for n in ("ONE1", "TWO2")
    ]
    assert len(run(there, *tagged).events) == 2
    edit(there, (f'origins = ["{ORIGIN}"]', f'origins = ["{ORIGIN}"]\nmeasurement_ids = ["G-ONE1"]'))
    came = run(there, *tagged)
    assert (len(came.events), dict(came.strangers)) == (1, {"measurement_id": 1})


def test_a_browsers_connection_is_read_as_at_the_door(tmp_path: Path) -> None:
    """Its opt-out signal counts, its address is that of the last hop that is no proxy of ours, its country the edge's."""
    there = install(tmp_path / "it", NOWHERE)
    edit(there, ("pre_stop_seconds = 0",
                 'pre_stop_seconds = 0\ntrusted_proxies = ["10.0.0.0/8"]\ncountry_header = "CF-IPCountry"'))  # fmt: skip
    headers: dict[str, Any] = {"user_agent": AGENT, "x_forwarded_for": "192.0.2.9, 198.51.100.77, 10.0.0.1", "origin": ORIGIN}
    (event,) = run(there, posted(purchase(), path="/v1/collect", sec_gpc="1", **headers)).events
    assert set(reasons(event).values()) == {"gpc"}
    (event,) = run(there, posted(purchase(), path="/v1/collect", cf_ipcountry="FR", **headers)).events
    way = event.ways[META]
    assert isinstance(way, tuple)
    assert any(field.kind == "ipv4_24" for field in way[0].fields)


def test_every_door_that_a_container_has_is_read() -> None:
    """A path of the gateway's own that a recording can hold."""
    paths = {path for _, path in ROUTES}
    assert set(READERS) <= paths


# ── our own requests as if an old container had sent them ────────────────────────────────────────────────────────

CONSENTS: Final = st.sampled_from(
    [{}, {"advertising": True}, {"advertising": False}, {"advertising": True, "vendors": {"google_ads": False}}, {"gpc": True}]
)
IDS: Final = st.from_regex(r"(?![oh]-)[A-Za-z0-9_.:-]{1,64}", fullmatch=True).filter(EventId.PATTERN.fullmatch)
"""Not in the form that Google's adapter itself gives to ids, which could be taken for another event's."""
EVENTS: Final = st.builds(
    lambda name, event_id, consent, **more: purchase(event_id, consent=consent) | {"event": name} | more,
    st.sampled_from(["purchase", "add_to_cart", "page_view"]),
    IDS,
    CONSENTS,
    page_url=st.sampled_from(["https://shop.example/a?b=c", "https://other.example", None]),
    client=st.sampled_from([{}, {"ip": "198.51.100.77", "user_agent": AGENT, "country": "FR"}]),
)


def written(outgoing: Outgoing, way: Way) -> str:
    """Write a request of ours down as a recording proxy would."""
    path = outgoing.target.partition("?")[0]
    host = next(host for host in way.adapter.hosts if interface_of(host, path))
    return json.dumps({"method": outgoing.method, "url": f"https://{host}{outgoing.target}", "headers": dict(outgoing.headers),
                       "body": outgoing.body.decode()})  # fmt: skip


def sent_by_us(installation: Installation, events: list[Any]) -> bytes:
    """Give what this gateway sends of events, recorded."""
    loaded = load(installation.config, {})
    shop = make_comparing(loaded, SHOP, NOW).shop
    lines = []
    known = set()
    for raw in decode(json.dumps({"events": events}).encode(), NOW, None).events:
        entry = shop.door.line.run(raw, Source.EVENTS, NOW)
        if not isinstance(entry, Accept) or (entry.event.kind, entry.event.event_id) in known:
            continue
        known.add((entry.event.kind, entry.event.event_id))
        for destination in entry.trace.allowed:
            way = shop.ways[destination]
            lines.append(written(try_way(way, entry.event, Time(NOW, NOW, NOW)).outgoing, way))
    return "\n".join(lines).encode()


def held_against(installation: Installation, events: list[Any], sent: bytes) -> Comparison:
    """Compare events that came with what was sent."""
    loaded = load(installation.config, {})
    shop = loaded.storefronts[SHOP]
    requests = [one for one in read(sent) if isinstance(one, Recorded)]
    there = [sent_in(request, shop.contracts) for request in requests]
    return compare(run(installation, posted(*events)), there, tuple(shop.destinations))


@settings(max_examples=30, deadline=None)
@given(st.lists(EVENTS, min_size=1, max_size=6))
def test_this_gateway_held_against_itself_shows_no_difference(installation: Installation, events: list[Any]) -> None:
    """Whatever came: its own requests, written down and read back, are the same events with the same fields."""
    told = held_against(installation, events, sent_by_us(installation, events))
    assert told["same"], told


def test_one_event_more_or_one_field_more_is_a_difference(installation: Installation) -> None:
    """So the property above can fail."""
    events = [purchase("1"), purchase("2")]
    ours = sent_by_us(installation, events)
    assert not held_against(installation, events, b"\n".join(ours.split(b"\n")[1:]))["same"]
    assert not held_against(installation, events, ours.replace(b'\\"user_data\\":{', b'\\"user_data\\":{\\"ph\\":\\"x\\",', 1))[
        "same"
    ]
