import errno
import io
import json
import os
import time
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from gateway import recording
from gateway.log import Log
from gateway.metrics import VERSION, Metrics, Outcome
from gateway.model.texts import StorefrontId
from gateway.model.words import Destination, Kind, Reason, Source, Status
from gateway.outbox.work import Lane
from gateway.recording import Minutes, Teller, in_force, open_file, outlets_of
from gateway.settings import load
from gateway.signing.checkpoint import split_notes
from gateway.signing.entry import Counted, Outlet, Row, read
from gateway.signing.keyfile import create
from gateway.signing.keyfile import load as load_key
from gateway.signing.note import SigningKey
from gateway.signing.recorder import LogState
from gateway.signing.store import CannotOpenLog, folder_in, last_checkpoint
from gateway.signing.verify import Held, held, verify
from gateway.storage.keyring import Keyring
from tests.doorway import NOWHERE, purchase, refused
from tests.gateway.signing.test_store import failing
from tests.live import STOREFRONT, Installation, inside, install
from tests.live import Process as Running

ORIGIN = "gateway.example/log"
AUDIT = f"""
[audit]
origin = "{ORIGIN}"
signing_key = "signing.key"
checkpoint_file = "checkpoints.txt"
"""


def signed(folder: Path, more: str = "") -> Installation:
    """Install a gateway with a signing key, and more in its `[audit]`."""
    there = install(folder, NOWHERE)
    create(folder / "signing.key", ORIGIN, bytes(range(32)))
    there.config.write_text(there.config.read_text() + AUDIT + more)
    return there


def entries(there: Installation) -> list[dict[str, Any]]:
    """Give the entries of its log."""
    return [read(line).entry for line in (there.folder / "store/signed-log/entries.ndjson").read_bytes().splitlines()]


def kinds(there: Installation) -> list[str]:
    """Give the kinds of its log's entries, without the two of which the order is not given."""
    return [entry["kind"] for entry in entries(there) if entry["kind"] != "checkpoint_exported"]


def sound(there: Installation) -> bool:
    """Verify its log against all that it handed out."""
    key = SigningKey(ORIGIN, bytes(range(32))).verifier
    notes = split_notes((there.folder / "checkpoints.txt").read_text())
    checkpoints = [held("it", note, [key], ORIGIN) for note in notes]
    with (there.folder / "store/signed-log/entries.ndjson").open("rb") as lines:
        report = verify(lines, [one for one in checkpoints if isinstance(one, Held)])
    assert all(isinstance(one, Held) for one in checkpoints)
    return not report.faults and report.covered == report.entries


async def post(there: Installation, *events: dict[str, Any]) -> None:
    """Post events as a server."""
    fresh = {"events": [event | {"occurred_at": int(time.time())} for event in events]}
    key = {"Authorization": f"Bearer {there.secret_key}"}
    async with aiohttp.ClientSession() as session, session.post(f"{there.url}/v1/events", json=fresh, headers=key) as answer:
        assert answer.status == 202


FIRST = [
    "started", "configuration", "contract", "contract", "contract", "decision_table", "sealing_key", "signing_key",
    "api_key", "api_key",
]  # fmt: skip


async def test_a_gateways_life_is_recorded_and_handed_out(tmp_path: Path) -> None:
    """Start, what is in force, how many events fared how, stop; once more, what is still in force is not said again."""
    there = signed(tmp_path / "it")
    async with inside(there, Log(io.StringIO())):
        await post(there, purchase(event_id="1"), purchase(event_id="2"), refused(event_id="3"))
        assert (await there.ask("/readyz"))["log"] == "signed"
        metrics = await there.ask("/metrics")
    assert 'consent_gateway_log_entries_total{kind="api_key"} 2.0' in metrics
    assert "consent_gateway_log_up 1.0" in metrics
    assert "\nconsent_gateway_log_checkpoint_seconds " in metrics
    assert kinds(there) == [*FIRST, "counts", "stopped"]
    (counted,) = (entry["rows"] for entry in entries(there) if entry["kind"] == "counts")
    assert [STOREFRONT, None, "accepted", 2] in counted
    assert [STOREFRONT, None, "refused", 1] in counted
    assert entries(there)[0]["version"] == VERSION
    assert sound(there)
    async with inside(there, Log(io.StringIO())):
        pass
    assert kinds(there)[len(FIRST) + 2 :] == ["started", "stopped"]
    assert sound(there)


async def test_what_changed_in_the_configuration_is_recorded_at_the_next_start(tmp_path: Path) -> None:
    """Its digest, and a key that came and one that went; a comment changes nothing."""
    there = signed(tmp_path / "it")
    async with inside(there, Log(io.StringIO())):
        pass
    text = there.config.read_text()
    there.config.write_text(f"# nothing\n{text}")
    async with inside(there, Log(io.StringIO())):
        pass
    there.config.write_text(text.replace('id = "p1"\nkind = "publishable"\nkey = "file:publishable.key"',
                                         f'id = "p2"\nkind = "publishable"\nhash = "{"a" * 64}"'))  # fmt: skip
    async with inside(there, Log(io.StringIO())):
        pass
    new = entries(there)[len(FIRST) + 1 :]
    told = [entry for entry in new if entry["kind"] in ("configuration", "api_key", "contract")]
    assert [entry["kind"] for entry in told] == ["configuration", "api_key", "api_key"]
    assert [(entry["key"], entry["change"]) for entry in told[1:]] == [("p2", "added"), ("p1", "removed")]


async def test_no_person_is_in_the_log(tmp_path: Path) -> None:
    """Neither in its file nor in what is handed out, in any form that was posted."""
    there = signed(tmp_path / "it")
    async with inside(there, Log(io.StringIO())):
        await post(there, purchase(event_id="order-canary-1", customer={"email": "canary-7f3a@example.com"}))
    written = b"".join(path.read_bytes() for path in folder_in(there.folder / "store").iterdir())
    written += (there.folder / "checkpoints.txt").read_bytes()
    assert b"counts" in written
    assert b"canary" not in written
    assert there.secret_key.encode() not in written


async def test_a_killed_gateway_goes_on_with_its_log(tmp_path: Path) -> None:
    """A start with no stop before it; nothing refuses, and the log fits what was handed out."""
    there = signed(tmp_path / "it")
    for _ in range(2):
        process = Running(there)
        await process.start()
        await process.kill()
    async with inside(there, Log(io.StringIO())):
        pass
    assert kinds(there) == [*FIRST, "started", "started", "stopped"]
    assert sound(there)


async def test_a_log_that_fails_is_told_and_keeps_no_event(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Events are taken as before; readiness, metrics and the log on standard error say it; what must be recorded is refused."""
    there, log = signed(tmp_path / "it"), io.StringIO()
    async with inside(there, Log(log)) as gateway:
        await post(there, purchase(event_id="1"))
        monkeypatch.setattr(os, "fdatasync", failing(errno.EIO))
        asked = {"storefront": STOREFRONT, "decision": "x", "up_to": 1}
        order = {"storefront": STOREFRONT, "destination": "meta", "dry_run": False}
        async with aiohttp.ClientSession() as session:
            for path, body in (("shapes/approve", asked), ("replay", order)):
                async with session.post(f"{there.private_url}/api/v1/{path}", json=body, headers=there.own) as answer:
                    assert (answer.status, await answer.json()) == (503, {"error": "log_unavailable"})
            dry = order | {"dry_run": True}
            async with session.post(f"{there.private_url}/api/v1/replay", json=dry, headers=there.own) as answer:
                assert answer.status == 200
        await post(there, purchase(event_id="2"))
        ready = await there.ask("/readyz")
        assert (ready["ready"], ready["log"]) == (True, "failed")
        assert "consent_gateway_log_up 0.0" in await there.ask("/metrics")
        assert gateway.signed.unrecorded >= 2
    assert "log_failed" in log.getvalue()


async def test_who_takes_orders_out_is_recorded(tmp_path: Path) -> None:
    """As an export, of the time that the list is of; no order is in it. A list that is refused is not an export."""
    there = signed(tmp_path / "it")
    async with inside(there, Log(io.StringIO())), aiohttp.ClientSession() as session:
        for lines in ("x,100,EUR,1795342500\n77002,100,EUR,1795342700\n", "@,100,EUR,1\n"):
            body = f"id,value,currency,at\n{lines}".encode()
            url = f"{there.private_url}/api/v1/reconcile?storefront={STOREFRONT}"
            async with session.post(url, data=body, headers={"Content-Type": "text/csv", **there.own}) as answer:
                assert answer.status in {200, 400}
    (export,) = [entry for entry in entries(there) if entry["kind"] == "export"]
    assert export == {
        "kind": "export", "what": "reconciliation", "by": "command", "since": 1795342500, "until": 1795342700,
    }  # fmt: skip
    assert sound(there)


async def test_what_somebody_does_is_recorded_before_it_is_done(tmp_path: Path) -> None:
    """Replays and approvals by the private listener, with nothing of the decision's name but its hash."""
    there = signed(tmp_path / "it")
    async with inside(there, Log(io.StringIO())), aiohttp.ClientSession() as session:
        for path, body in (
            ("shapes/approve", {"storefront": STOREFRONT, "decision": "Jane Doe", "up_to": 1}),
            ("replay", {"storefront": STOREFRONT, "destination": "meta", "dry_run": False, "reasons": ["rejected"]}),
            ("replay", {"storefront": STOREFRONT, "destination": "meta"}),
            ("replay", {"storefront": "nobody", "destination": "meta", "dry_run": False}),
        ):
            async with session.post(f"{there.private_url}/api/v1/{path}", json=body, headers=there.own):
                pass
    done = [entry for entry in entries(there) if "by" in entry]
    assert [(entry["kind"], entry["by"]) for entry in done] == [
        ("shapes_approved", "command"),
        ("replay", "command"),
    ]
    assert done[1]["reasons"] == ["rejected"]
    assert "Jane" not in str(done)


async def test_a_rolled_back_log_keeps_the_gateway_from_starting(tmp_path: Path) -> None:
    """The data directory of yesterday, with a checkpoint of today in somebody's hands."""
    there = signed(tmp_path / "it")
    folder = folder_in(there.folder / "store")
    async with inside(there, Log(io.StringIO())):
        pass
    yesterday = {path: path.read_bytes() for path in folder.iterdir()}
    async with inside(there, Log(io.StringIO())):
        pass
    for path, content in yesterday.items():
        path.write_bytes(content)
    with pytest.raises(CannotOpenLog, match="handed out"):
        async with inside(there, Log(io.StringIO())):
            pass
    assert {path: path.read_bytes() for path in folder.iterdir()} == yesterday


async def test_without_a_key_the_log_is_written_and_said_to_prove_nothing(tmp_path: Path) -> None:
    """Readiness says `unsigned`, and the log on standard error says it once."""
    there, log = install(tmp_path / "it", NOWHERE), io.StringIO()
    async with inside(there, Log(log)):
        assert (await there.ask("/readyz"))["log"] == "unsigned"
        assert "\nconsent_gateway_log_checkpoint_seconds " not in await there.ask("/metrics")
    assert [json.loads(line)["happening"] for line in log.getvalue().splitlines()].count("log_unsigned") == 1
    assert kinds(there) == [*(kind for kind in FIRST if kind != "signing_key"), "stopped"]
    assert "\n\n" not in (last_checkpoint(folder_in(there.folder / "store")) or "\n\n")


async def test_a_half_written_end_is_said(tmp_path: Path) -> None:
    """In the log itself and on standard error."""
    there, log = signed(tmp_path / "it"), io.StringIO()
    async with inside(there, Log(io.StringIO())):
        pass
    with (there.folder / "store/signed-log/entries.ndjson").open("ab") as file:
        file.write(b'{"at":1')
    async with inside(there, Log(log)):
        pass
    assert [entry["cut"] for entry in entries(there) if entry["kind"] == "started"] == [0, 7]
    assert '"happening": "log_end_cut", "count": 7' in log.getvalue()


async def test_trouble_with_an_outlet_is_told_once(tmp_path: Path) -> None:
    """With its name, and nothing of the address."""
    there, log = signed(tmp_path / "it", 'checkpoint_webhook = "http://127.0.0.1:1/secret-path"\n'), io.StringIO()
    async with inside(there, Log(log)):
        pass
    (line,) = (line for line in log.getvalue().splitlines() if "checkpoint_not_taken" in line)
    assert json.loads(line)["reason"] == "webhook"
    assert "secret-path" not in log.getvalue()


# ── keys and outlets ─────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("state", LogState)
def test_the_logs_trouble_is_told_by_its_folder(state: LogState) -> None:
    """So that `log_full` is not taken for a store's."""
    said = io.StringIO()
    Teller(Log(said)).log_state(state)
    assert json.loads(said.getvalue())["file"] == "signed-log"


def test_a_key_that_cannot_be_used_is_told_by_its_rule(tmp_path: Path) -> None:
    """Missing, readable by others, no key, or another log's; never a byte of it."""
    there = signed(tmp_path / "it")
    path, settings = there.folder / "signing.key", load(there.config, {})
    assert load_key(settings.audit.signing_key, settings.audit.origin) is not None
    good = path.read_text()
    other = SigningKey("other.example/log", bytes(32)).reveal()
    for content, mode, rule in (
        (good, 0o644, "others may read"),
        ("nonsense", 0o600, "PRIVATE"),
        (other, 0o600, "another log"),
    ):
        path.write_text(content)
        path.chmod(mode)
        with pytest.raises(CannotOpenLog, match=rule) as cannot:
            load_key(settings.audit.signing_key, settings.audit.origin)
        assert content[-20:] not in str(cannot.value)
    path.unlink()
    with pytest.raises(CannotOpenLog, match="cannot be read"):
        load_key(settings.audit.signing_key, settings.audit.origin)


def test_checkpoints_that_have_no_end_are_not_read_for_ever(tmp_path: Path) -> None:
    """The log cannot be held against them, which is said."""
    there = signed(tmp_path / "it")
    (there.folder / "checkpoints.txt").symlink_to("/dev/zero")
    with pytest.raises(CannotOpenLog, match="checkpoint_file: cannot be read"):
        open_file(load(there.config, {}))


def test_a_folder_that_cannot_be_used_is_told(tmp_path: Path) -> None:
    """As where a file stands in its place."""
    there = signed(tmp_path / "it")
    (there.folder / "store").mkdir()
    (there.folder / "store/signed-log").touch()
    with pytest.raises(CannotOpenLog, match="cannot be used"):
        open_file(load(there.config, {}))


def test_each_setting_makes_its_outlet(tmp_path: Path) -> None:
    """All of them, or none."""
    there = signed(tmp_path / "it", 'checkpoint_webhook = "https://audit.example/x"\ncheckpoint_stdout = true\n')
    assert [one.outlet for one in outlets_of(load(there.config, {}).audit)] == [Outlet.FILE, Outlet.WEBHOOK, Outlet.STDOUT]
    assert [*outlets_of(load(install(tmp_path / "other", NOWHERE).config, {}).audit)] == []


def test_what_is_in_force_follows_the_settings(tmp_path: Path) -> None:
    """The same for the same settings, whenever it is asked."""
    settings = load(signed(tmp_path / "it").config, {})
    keyring = Keyring.load(settings.server.key_file)
    first, second = (
        [*in_force(settings, keyring, load_key(settings.audit.signing_key, settings.audit.origin))] for _ in range(2)
    )
    assert first == second
    assert len(first) == len(FIRST) - 1


# ── counts ───────────────────────────────────────────────────────────────────────────────────────────────────────


def test_whatever_metrics_count_can_stand_in_an_entry() -> None:
    """Every way that an event can fare, at the door and at a destination."""
    assert {*map(str, Status), *map(str, Outcome)} == {*map(str, Counted)}


def test_each_minute_says_what_is_new() -> None:
    """Added up over kinds, reasons and sources; a minute in which nothing happened says nothing."""
    metrics, shop = Metrics(), StorefrontId("shop")
    minutes, lane = Minutes(metrics), Lane(shop, Destination.META)
    assert minutes.news() == []
    metrics.events(shop, Source.EVENTS, Kind.PURCHASE, Status.ACCEPTED, "", 3)
    metrics.events(shop, Source.COLLECT, Kind.PAGE_VIEW, Status.ACCEPTED, "", 2)
    metrics.delivered(lane, Kind.PURCHASE, Reason.CONFIRMED, [1.0, 2.0], {})
    metrics.retried(lane, Reason.TIMED_OUT, 4)
    (counts,) = minutes.news()
    assert counts.rows == (
        Row("shop", None, Counted.ACCEPTED, 5),
        Row("shop", Destination.META, Counted.DELIVERED, 2),
        Row("shop", Destination.META, Counted.RETRIED, 4),
    )
    assert minutes.news() == []
    metrics.dead(lane, None, Reason.REJECTED, 1, {})
    (counts,) = minutes.news()
    assert counts.rows == (Row("shop", Destination.META, Counted.DEAD, 1),)


def test_many_storefronts_are_in_several_entries(monkeypatch: pytest.MonkeyPatch) -> None:
    """None of them longer than an entry may be."""
    monkeypatch.setattr(recording, "MOST_ROWS", 10)
    metrics = Metrics()
    for number in range(25):
        metrics.events(StorefrontId(f"shop{number}"), Source.EVENTS, Kind.PURCHASE, Status.ACCEPTED, "", 1)
    assert [len(counts.rows) for counts in Minutes(metrics).news()] == [10, 10, 5]
