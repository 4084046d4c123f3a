"""Back-filling against a local server that answers as the gateway does: resuming, waiting, and never changing consent."""

import asyncio
import itertools
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

import msgspec
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from gateway import backfill
from gateway.backfill import Progress, Stopped, Trouble, Wait, events_of, load_progress, send, state_path, summary
from gateway.model.words import Fault
from gateway.raw import Malformed, RawEvent
from gateway.secret import Secret
from gateway.sources.native import decode
from tests.strategies import NOW
from tests.tls import self_signed

KEY: Final = Secret("sk_test_0123456789")
HEADER: Final = "order_id,purchased_on,value,currency,email,country,advertising,given_at"
ROW: Final = "o-{n},2026-11-22,12.50,EUR,jane{n}@example.com,FR,true,2026-11-01T00:00:00Z"


class Gateway:
    """What the gateway says, scripted: each request takes the next line, None and the end of the script judge honestly."""

    def __init__(
        self,
        *script: Callable[[web.Request], web.StreamResponse] | None,
        refuses: Callable[[bytes], str | None] = lambda _: None,
    ) -> None:
        self.script = list(script)
        self.refuses = refuses
        self.bodies: list[bytes] = []
        self.seen: dict[str, int] = {}
        self.keys: set[str] = set()

    async def events(self, request: web.Request) -> web.StreamResponse:
        """Take one request."""
        self.keys.add(request.headers["Authorization"])
        body = await request.read()
        self.bodies.append(body)
        if self.script and (scripted := self.script.pop(0)):
            return scripted(request)
        if code := self.refuses(body):
            return web.json_response({"error": code}, status=400 if code == "not_json" else 413)
        return web.json_response({"results": [self.result(event) for event in json.loads(body)["events"]]}, status=202)

    def result(self, event: dict[str, Any]) -> dict[str, Any]:
        """Judge one event as the gateway would: an id seen before is a duplicate, `advertising` decides the rest."""
        name = str(event.get("event_id"))
        self.seen[name] = self.seen.get(name, 0) + 1
        if self.seen[name] > 1:
            return {"event_id": name, "status": "duplicate"}
        if event.get("order", {}).get("value") is None:
            return {"event_id": name, "status": "invalid", "reason": "missing", "field": "order.value"}
        if event.get("consent", {}).get("advertising") is not True:
            return {
                "event_id": name,
                "status": "refused",
                "reason": "no_consent",
                "refused_destinations": {"meta": "no_consent"},
            }
        return {"event_id": name, "status": "accepted", "destinations": ["meta"]}


@asynccontextmanager
async def serving(gateway: Gateway) -> AsyncIterator[str]:
    """Run it on loopback and give its address."""
    app = web.Application(client_max_size=2 << 20)
    app.router.add_post("/v1/events", gateway.events)
    async with TestServer(app) as server:
        yield str(server.make_url("/"))


async def sent(path: Path, gateway: Gateway, progress: Progress | None = None) -> Progress:
    """Send a file to it."""
    async with serving(gateway) as url:
        return await send(path, url, KEY, None, progress or Progress(), lambda _: None)


def answer(status: int, **headers: str) -> Callable[[web.Request], web.StreamResponse]:
    """An answer by status."""
    return lambda _: web.Response(status=status, headers={name.replace("_", "-"): value for name, value in headers.items()})


def cut(request: web.Request) -> web.StreamResponse:
    """Break the connection off in place of an answer."""
    assert request.transport is not None
    request.transport.abort()
    return web.Response()


def answering(body: bytes, status: int = 202) -> Callable[[web.Request], web.StreamResponse]:
    """An answer with this body."""
    return lambda _: web.Response(status=status, body=body)


@pytest.fixture(autouse=True)
def _short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait milliseconds where a run would wait seconds."""
    monkeypatch.setattr(backfill, "SHORT", 0.01)
    monkeypatch.setattr(backfill, "LONGEST_WAIT", 0.02)


@pytest.fixture
def orders(tmp_path: Path) -> Path:
    """A CSV file of 1,200 orders: every fifth without consent."""
    path = tmp_path / "orders.csv"
    rows = [ROW.format(n=n) if n % 5 else ROW.format(n=n).replace("true", "") for n in range(1200)]
    path.write_text("\n".join([HEADER, *rows]) + "\n")
    return path


def written(tmp_path: Path, text: str | bytes, name: str = "orders.csv") -> Path:
    """A file with this text."""
    path = tmp_path / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def read(path: Path) -> list[dict[str, Any]]:
    """The events of a file."""
    return [json.loads(line.event) for line in events_of(path, 0)]


# ── a whole run ──────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_file_is_sent_whole_and_counted(orders: Path) -> None:
    """Every order is sent once, in batches of at most 500, and each result is counted by status and reason."""
    gateway, told = Gateway(), []
    async with serving(gateway) as url:
        progress = await send(orders, url, KEY, None, Progress(), lambda now: told.append(now.lines))
    assert (progress.lines, progress.offset) == (1200, orders.stat().st_size)  # noqa: ASYNC240 - a test's own small file
    assert progress.by_status == {"accepted": 960, "refused": 240}
    assert progress.by_reason == {"refused: no_consent": 240}
    assert set(gateway.seen.values()) == {1}
    assert told == [500, 1000, 1200]
    assert gateway.keys == {f"Bearer {KEY.reveal()}"}
    assert list(summary(progress)) == [
        "1200 events answered: 960 accepted, 0 duplicate, 240 refused, 0 invalid",
        "  240 refused: no_consent",
    ]


async def test_what_was_invalid_is_told_by_its_lines(tmp_path: Path) -> None:
    """The first few of each kind, as an editor counts them, also when a run goes on; never a value of theirs."""
    rows = [ROW.format(n=n).replace("12.50", "" if n % 100 == 7 else "12.50") for n in range(1200)]
    path = written(tmp_path, "\n".join([HEADER, *rows, ""]))
    gateway = Gateway(None, answer(401))
    async with serving(gateway) as url:
        with pytest.raises(Stopped):
            await send(path, url, KEY, None, load_progress(path), lambda _: None)
        assert list(summary(load_progress(path)))[-1] == "  5 invalid: missing (order.value): lines 9, 109, 209, 309, 409"
        progress = await send(path, url, KEY, None, load_progress(path), lambda _: None)
    assert progress.invalid == 12
    assert list(summary(progress))[-1] == "  12 invalid: missing (order.value): lines 9, 109, 209, 309, 409 and 7 more"
    again = await sent(written(tmp_path, "\n".join([HEADER, rows[7], ""]), "one.csv"), Gateway())
    assert list(summary(again))[-1] == "  1 invalid: missing (order.value): line 2"


async def test_a_line_that_spoils_its_request_is_invalid_alone(orders: Path) -> None:
    """What the gateway refuses whole is sent in smaller parts: the line that it was for is told, and all others arrive."""
    gateway = Gateway(refuses=lambda body: "not_json" if b'"o-700"' in body else None)
    progress = await sent(orders, gateway)
    assert (progress.lines, progress.by_status) == (1200, {"accepted": 960, "refused": 239, "invalid": 1})
    assert list(summary(progress))[-1] == "  1 invalid: not_json: line 702"
    assert len(gateway.bodies) <= 3 + 2 * 9


async def test_a_gateway_that_takes_less_at_once_gets_less(orders: Path) -> None:
    """A lower bound than usual on events or bytes costs requests and no event."""
    gateway = Gateway(refuses=lambda body: "too_many_events" if body.count(b"event_id") > 200 else None)
    assert (await sent(orders, gateway)).by_status == {"accepted": 960, "refused": 240}


@pytest.mark.parametrize("body", [b"", b"no", b'{"error":"not_json_at_all"}', b'{"error":7}', b"\xff"])
async def test_a_refusal_in_other_words_marks_no_line(orders: Path, body: bytes) -> None:
    """Something before the gateway that refuses everything stops the run, and not one order is passed over."""
    with pytest.raises(Stopped) as stopped:
        await sent(orders, Gateway(answering(body, 400)))
    assert stopped.value.trouble is Trouble.REFUSED
    assert load_progress(orders).lines == 0


async def test_a_run_waits_while_the_gateway_is_busy_full_or_gone(orders: Path) -> None:
    """429, 503, a timeout answer and a cut connection are tried again, and no order is lost or counted twice."""
    gateway = Gateway(answer(429, Retry_After="1"), answer(503, Retry_After="x"), cut, answer(408), answer(500), answer(503))
    progress = await sent(orders, gateway)
    assert progress.by_status == {"accepted": 960, "refused": 240}
    assert len(gateway.bodies) == 6 + 3
    assert set(gateway.seen.values()) == {1}


async def test_an_answer_that_was_lost_is_recognised_by_the_event_ids(orders: Path) -> None:
    """When the gateway took a batch and its answer was lost, sending it again counts duplicates and nothing twice."""
    gateway = Gateway()

    def taken_then_cut(request: web.Request) -> web.StreamResponse:
        for event in json.loads(gateway.bodies[-1])["events"]:
            gateway.result(event)
        return cut(request)

    gateway.script.append(taken_then_cut)
    progress = await sent(orders, gateway)
    assert progress.by_status == {"duplicate": 500, "accepted": 560, "refused": 140}


async def test_a_run_that_stopped_goes_on_where_it_was(orders: Path) -> None:
    """After a stop the noted progress is resumed: what was answered is not sent again, and the sums go on."""
    gateway = Gateway(None, answer(401))
    async with serving(gateway) as url:
        with pytest.raises(Stopped) as stopped:
            await send(orders, url, KEY, None, load_progress(orders), lambda _: None)
        assert (stopped.value.trouble, stopped.value.status) == (Trouble.KEY, 401)
        assert load_progress(orders).lines == 500
        progress = await send(orders, url, KEY, None, load_progress(orders), lambda _: None)
    assert progress.by_status == {"accepted": 960, "refused": 240}
    assert set(gateway.seen.values()) == {1}
    assert load_progress(orders) == progress


async def test_nothing_more_is_sent_when_all_was_answered(orders: Path) -> None:
    """A second run of a finished file sends nothing."""
    gateway = Gateway()
    async with serving(gateway) as url:
        await send(orders, url, KEY, None, load_progress(orders), lambda _: None)
        requests = len(gateway.bodies)
        again = await send(orders, url, KEY, None, load_progress(orders), lambda _: None)
    assert (len(gateway.bodies), again.lines) == (requests, 1200)


async def test_another_file_or_gateway_begins_at_the_start(orders: Path) -> None:
    """Noted progress counts for the same file and the same gateway only; otherwise everything is sent."""
    for _ in range(2):
        gateway = Gateway()
        progress = await sent(orders, gateway, load_progress(orders))
        assert (len(gateway.seen), progress.lines) == (1200, 1200)


@pytest.mark.parametrize(("old", "new"), [("o-0,", "p-0,"), ("o-7,", "o-77777,"), ("12.50,EUR,jane9@", "1.5,EUR,jane9@")])
async def test_an_edited_file_begins_at_the_start(orders: Path, old: str, new: str) -> None:
    """A file whose first lines differ, or whose lines have moved, is sent whole: going on inside a line could misread it."""
    text = orders.read_text()  # noqa: ASYNC240 - a test's own small file
    gateway = Gateway(None, answer(401))
    async with serving(gateway) as url:
        with pytest.raises(Stopped):
            await send(orders, url, KEY, None, load_progress(orders), lambda _: None)
        orders.write_text(text.replace(old, new))  # noqa: ASYNC240 - as above
        progress = await send(orders, url, KEY, None, load_progress(orders), lambda _: None)
    assert progress.lines == 1200
    assert progress.by_status["duplicate"] >= 499


@pytest.mark.parametrize("left", ["", "{", "[]", '{"offset":"x"}', "\0"])
def test_a_damaged_note_is_no_note(orders: Path, left: str) -> None:
    """Where the noted progress cannot be read, the run begins at the start; repeats are recognised anyway."""
    state_path(orders).write_text(left)
    assert load_progress(orders) == Progress()


def test_a_note_that_has_no_end_is_not_read_for_ever(orders: Path) -> None:
    """It is none of ours, so it is neither followed nor overwritten."""
    state_path(orders).symlink_to("/dev/zero")
    with pytest.raises(Stopped):
        load_progress(orders)


async def test_a_rate_is_kept(tmp_path: Path) -> None:
    """With a rate, a run takes at least as long as the rate demands."""
    path = written(tmp_path, "\n".join([HEADER, *(ROW.format(n=n) for n in range(20))]))
    loop = asyncio.get_running_loop()
    async with serving(Gateway()) as url:
        began = loop.time()
        await send(path, url, KEY, 100.0, Progress(), lambda _: None)
        assert loop.time() - began >= 0.2


async def test_batches_stay_below_the_gateways_limit(tmp_path: Path) -> None:
    """Large events are sent in smaller batches, so that no request is too large, and none is lost."""
    events = [{"event_id": str(n), "page_url": "x" * 40_000, "order": {"value": "1"}} for n in range(60)]
    path = written(tmp_path, "\n".join(map(json.dumps, events)), "events.ndjson")
    gateway = Gateway()
    await sent(path, gateway)
    assert max(map(len, gateway.bodies)) < 1 << 20
    assert len(gateway.bodies) == 3
    assert list(gateway.seen) == [str(n) for n in range(60)]


# ── troubles ─────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("status", "trouble"),
    [
        (401, Trouble.KEY),
        (403, Trouble.KEY),
        (400, Trouble.REFUSED),
        (404, Trouble.NOT_A_GATEWAY),
        (413, Trouble.REFUSED),
        (307, Trouble.NOT_A_GATEWAY),
        (200, Trouble.NOT_A_GATEWAY),
    ],
)
async def test_a_refusal_that_will_not_pass_stops_the_run(orders: Path, status: int, trouble: Trouble) -> None:
    """An answer that waiting cannot mend stops the run at once and says what to do."""
    with pytest.raises(Stopped) as stopped:
        await sent(orders, Gateway(answer(status, Location="http://127.0.0.1:9/")))
    assert (stopped.value.trouble, stopped.value.status) == (trouble, status)
    assert load_progress(orders).lines == 0


@pytest.mark.parametrize(
    "body",
    [
        b"", b"ok", b"[]", b"{}", b'{"results":[]}', b'{"results":[{"status":"accepted"}]}', b'{"results":7}', b"\xff",
        json.dumps({"results": [{"status": "jane@example.com"}] * 500}).encode(),
        json.dumps({"results": [{"status": "invalid", "reason": "jane@example.com"}] * 500}).encode(),
    ],
)  # fmt: skip
async def test_an_answer_that_is_not_the_gateways_stops_the_run(orders: Path, body: bytes) -> None:
    """A 202 that does not speak of every event in the gateway's own words is no answer, and nothing of it is told."""
    with pytest.raises(Stopped) as stopped:
        await sent(orders, Gateway(answering(body)))
    assert stopped.value.trouble is Trouble.NOT_A_GATEWAY
    assert stopped.value.__suppress_context__ or stopped.value.__context__ is None
    assert load_progress(orders).lines == 0


async def test_patience_ends(orders: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A gateway that only ever refuses is given up after a while, and the run can be resumed."""
    monkeypatch.setattr(backfill, "PATIENCE", 0.1)
    with pytest.raises(Stopped) as stopped:
        await sent(orders, Gateway(*[answer(503)] * 100))
    assert stopped.value.trouble is Trouble.UNREACHABLE


async def test_who_waits_is_told_why_and_once(orders: Path) -> None:
    """Each reason is heard when it begins, not at every try: a run that says nothing for minutes looks as if it hung."""
    told: list[Wait] = []
    gateway = Gateway(cut, cut, answer(503), answer(503), None, cut)
    async with serving(gateway) as url:
        await send(orders, url, KEY, None, Progress(), lambda _: None, waits=told.append)
    assert told == [Wait.SILENCE, Wait.BUSY, Wait.SILENCE]


async def test_tls_that_does_not_come_about_is_told_from_silence(orders: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where plain HTTP is spoken, or a certificate is not to be trusted, somebody is there: waiting alone seldom mends it."""
    monkeypatch.setattr(backfill, "PATIENCE", 0.05)
    told: list[Wait] = []
    async with serving(Gateway()) as url:
        with pytest.raises(Stopped):
            await send(orders, url.replace("http:", "https:"), KEY, None, Progress(), lambda _: None, waits=told.append)
    server = TestServer(web.Application(), scheme="https")
    await server.start_server(ssl=self_signed(orders.parent / "certificate.pem"))
    with pytest.raises(Stopped):
        await send(orders, str(server.make_url("/")), KEY, None, Progress(), lambda _: None, waits=told.append)
    await server.close()
    assert told == [Wait.TLS, Wait.TLS]


async def test_progress_that_cannot_be_noted_stops_the_run(orders: Path) -> None:
    """Where nothing can be written beside the file the run ends with what to do, not in the middle of a program."""
    state_path(orders).mkdir()
    with pytest.raises(Stopped) as stopped:
        await sent(orders, Gateway())
    assert stopped.value.trouble is Trouble.NO_NOTE
    with pytest.raises(Stopped) as stopped:
        load_progress(orders)
    assert stopped.value.trouble is Trouble.NO_NOTE


async def test_a_gateway_that_is_not_there_is_given_up(orders: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where nobody listens, the run waits and then stops."""
    monkeypatch.setattr(backfill, "PATIENCE", 0.05)
    with pytest.raises(Stopped) as stopped:
        await send(orders, "http://127.0.0.1:1", KEY, None, Progress(), lambda _: None)
    assert stopped.value.trouble is Trouble.UNREACHABLE


# ── CSV ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_an_order_becomes_an_event(tmp_path: Path) -> None:
    """A line's columns become the fields of a purchase, under their usual names, and other columns stay unread."""
    text = f"{HEADER},note\r\n{ROW.format(n=1)},secret\r\n\r\n"
    assert read(written(tmp_path, "\ufeff" + text)) == [
        {
            "event": "purchase",
            "event_id": "o-1",
            "occurred_at": "2026-11-22T00:00:00Z",
            "order": {"value": "12.50", "currency": "EUR"},
            "customer": {"email": "jane1@example.com"},
            "client": {"country": "FR"},
            "consent": {"advertising": True, "given_at": "2026-11-01T00:00:00Z"},
        }
    ]


def test_what_is_sent_is_what_the_gateway_reads(tmp_path: Path) -> None:
    """The gateway's own reader takes an order of a file for what it says."""
    (event,) = (line.event for line in events_of(written(tmp_path, f"{HEADER}\n{ROW.format(n=1)}\n"), 0))
    (raw,) = decode(event, NOW).events
    assert isinstance(raw, RawEvent)
    assert (raw.event_id, raw.email, raw.country) == ("o-1", "jane1@example.com", "FR")


@pytest.mark.parametrize(
    ("columns", "row", "field", "value"),
    [
        ("id,created_at,total,currency", "1,1795342500,5,EUR", "occurred_at", NOW),
        ("id,created_at,total,currency", "1,2026-11-22T10:15:00+01:00,5,EUR", "occurred_at", "2026-11-22T10:15:00+01:00"),
        ("id,created_at,total,currency", "1,yesterday,5,EUR", "occurred_at", "yesterday"),
        ("id,created_at,total,currency", "1,,5,EUR", "occurred_at", ""),
        ("id,event,created_at,total,currency", "1,add_to_cart,2026-11-22,5,EUR", "event", "add_to_cart"),
        ("id,event,created_at,total,currency", "1,,2026-11-22,5,EUR", "event", "purchase"),
        ("ID , Order_Id,created_at,total,currency", "1, A-7 ,2026-11-22,5,EUR", "event_id", "A-7"),
        ("id,created_at,total,currency", '"a ""b"", c\nd",2026-11-22,5,EUR', "event_id", 'a "b", c\nd'),
    ],
)
def test_cells_are_read_by_their_column(tmp_path: Path, columns: str, row: str, field: str, value: object) -> None:
    """Names in any case, quoted cells with commas, quotes and line breaks, dates and seconds are read as they are meant."""
    (event,) = read(written(tmp_path, f"{columns}\n{row}\n"))
    assert event[field] == value


@pytest.mark.parametrize(
    ("word", "choice"),
    [
        ("true", True),
        ("TRUE", True),
        (" false ", False),
        ("yes", None),
        ("1", None),
        ("", None),
        ("granted", None),
        ("tru\u0435", None),
    ],
)
def test_only_the_words_true_and_false_are_a_choice(tmp_path: Path, word: str, choice: bool | None) -> None:
    """Any other word in the column is no consent, and a date without a choice is none either."""
    (event,) = read(written(tmp_path, f"{HEADER}\no-1,2026-11-22,1,EUR,,FR,{word},2026-11-01T00:00:00Z\n"))
    expected = None if choice is None else {"advertising": choice, "given_at": "2026-11-01T00:00:00Z"}
    assert event.get("consent") == expected


@pytest.mark.parametrize(
    ("text", "trouble"),
    [
        ("", Trouble.NO_HEADER),
        ("\n", Trouble.NO_HEADER),
        ("order_id;purchased_on;value;currency\n", Trouble.SEPARATORS),
        ("order_id\tpurchased_on\tvalue\tcurrency\n", Trouble.SEPARATORS),
        ("order_id,purchased_on,value\n", Trouble.NO_HEADER),
        (b"\xff\xfe" + "order_id,purchased_on".encode("utf-16-le"), Trouble.NO_HEADER),
        (f"{HEADER},advertising\n", Trouble.TWO_COLUMNS),
        (f"{HEADER},consent_advertising\n", Trouble.TWO_COLUMNS),
        (f"{HEADER},consent_given_at\n", Trouble.TWO_COLUMNS),
        (f"{HEADER},Value\n", Trouble.TWO_COLUMNS),
        (f'{HEADER},"open\n', Trouble.BAD_LINE),
    ],
)
def test_a_header_that_could_be_read_in_two_ways_stops_the_run(tmp_path: Path, text: str | bytes, trouble: Trouble) -> None:
    """Missing columns, a column twice, or two columns that speak of consent are told before anything is sent."""
    with pytest.raises(Stopped) as stopped:
        read(written(tmp_path, text))
    assert stopped.value.trouble is trouble
    assert "jane" not in str(stopped.value)


@pytest.mark.parametrize(
    ("row", "trouble"),
    [
        ("o-2,2026-11-22,1,EUR,jane@example.com,FR,Paris,false,true", Trouble.RAGGED),
        ("o-2,2026-11-22,1,EUR,jane@example.com,FR,true", Trouble.RAGGED),
        ("o-2,2026-11-22,1,EUR,jane\n@example.com,FR,true,", Trouble.RAGGED),
        ('o-2,2026-11-22,1,EUR,"jane"@example.com,FR,true,', Trouble.BAD_LINE),
        ('o-2,2026-11-22,1,EUR,"jane@example.com,FR,true,', Trouble.BAD_LINE),
        ("o-2," + "x" * (1 << 20), Trouble.BAD_LINE),
        ('o-2,"' + "x\n" * (1 << 19), Trouble.BAD_LINE),
    ],
)
def test_a_line_whose_cells_may_have_moved_stops_the_run(tmp_path: Path, row: str, trouble: Trouble) -> None:
    """A comma or a line break outside quotes could put another column's `true` under consent: the run stops there."""
    path = written(tmp_path, f"{HEADER}\n{ROW.format(n=1)}\n{row}\n")
    events = events_of(path, 0)
    assert json.loads(next(events).event)["event_id"] == "o-1"
    with pytest.raises(Stopped) as stopped:
        list(events)
    assert (stopped.value.trouble, stopped.value.line) == (trouble, 3)
    assert stopped.value.__suppress_context__ or stopped.value.__context__ is None
    assert "jane" not in repr(stopped.value)


def test_offsets_point_behind_each_record(tmp_path: Path) -> None:
    """From the offset after any record, exactly the records behind it are read, also where cells hold line breaks."""
    rows = [ROW.format(n=n).replace("o-", '"o\n-').replace(",2026-11-22", '",2026-11-22') for n in range(5)]
    path = written(tmp_path, "\n".join([HEADER, *rows, "", ""]))
    everything = list(events_of(path, 0))
    assert [json.loads(line.event)["event_id"] for line in everything] == [f"o\n-{n}" for n in range(5)]
    for done, last in enumerate(everything, 1):
        assert [line.event for line in events_of(path, last.end)] == [line.event for line in everything[done:]]


def test_a_line_is_told_by_where_it_is_in_the_file(tmp_path: Path) -> None:
    """Whether a run begins at the start or goes on, and whatever cells hold line breaks: an editor finds the line."""
    rows = [ROW.format(n=n).replace("jane", '"jane\n').replace(".com", '.com"') for n in range(3)]
    path = written(tmp_path, "\n".join([HEADER, *rows, "", "o-9,short"]))
    for offset in (0, *(line.end for line in itertools.islice(events_of(path, 0), 3))):
        with pytest.raises(Stopped) as stopped:
            list(events_of(path, offset))
        assert stopped.value.line == path.read_text().split("\n").index("o-9,short") + 1


# ── NDJSON ───────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_json_goes_out_as_it_stands(tmp_path: Path) -> None:
    """An NDJSON line reaches the gateway byte for byte, so a repeated key is there for the gateway to refuse."""
    line = b'{"event":"purchase","event_id":"1","consent":{"advertising":false,"advertising":true},"order":{"value":1.10}}'
    gateway = Gateway()
    await sent(written(tmp_path, b"\n " + line + b" \r\n", "events.ndjson"), gateway)
    assert gateway.bodies == [b'{"events":[' + line + b"]}"]
    (event,) = decode(gateway.bodies[0], NOW).events
    assert isinstance(event, Malformed)
    assert event.fault is Fault.DUPLICATE_KEY


async def test_json_may_begin_with_a_mark(tmp_path: Path) -> None:
    """Windows' programs put a byte order mark in front of a file: it is none of the first event."""
    gateway = Gateway()
    await sent(written(tmp_path, b'\xef\xbb\xbf{"event_id":"1"}\n{"event_id":"2"}\n', "events.ndjson"), gateway)
    assert gateway.bodies == [b'{"events":[{"event_id":"1"},{"event_id":"2"}]}']


@pytest.mark.parametrize(
    "line", ["[]", "7", '"jane@example.com"', '{"a":', '{"a":1},{"b":2}', '{"a":1}]}', "{'a':1}", '{"a":NaN}', "\x1f\x8b"]
)
def test_a_line_that_is_no_object_stops_the_run(tmp_path: Path, line: str) -> None:
    """What is not one whole JSON object could change its neighbours in the batch: the run stops there."""
    path = written(tmp_path, f'{{"event_id":"1"}}\n{line}\n', "events.ndjson")
    with pytest.raises(Stopped) as stopped:
        read(path)
    assert (stopped.value.trouble, stopped.value.line) == (Trouble.NO_OBJECT, 2)
    assert stopped.value.__suppress_context__ or stopped.value.__context__ is None
    assert "jane" not in repr(stopped.value)


# ── the note ─────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_the_note_beside_the_file_holds_counts_alone(orders: Path) -> None:
    """What a run leaves behind is how far it came and sums by code, and nothing of an order."""
    await sent(orders, Gateway())
    note = state_path(orders).read_text()
    assert state_path(orders) == orders.with_name("orders.csv.sent")
    assert not [word for word in ("jane", "example", "o-1", "12.50", "sk_test") if word in note]
    assert msgspec.json.decode(note, type=Progress).lines == 1200
    assert {path.name for path in orders.parent.iterdir()} == {"orders.csv", "orders.csv.sent"}
