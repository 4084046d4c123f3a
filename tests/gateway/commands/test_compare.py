"""`compare` on made-up traffic: what it says, in three forms, and that no value of any event is in any of them."""

import json
import re
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

import pytest

from gateway.audit.recordings import Rule
from gateway.cli import main
from gateway.commands.compare import RULES
from tests.live import STOREFRONT, Installation

RECORDINGS: Final = Path(__file__).parents[2] / "data" / "recordings"
CAME: Final = RECORDINGS / "came.ndjson"
SENT: Final = RECORDINGS / "sent.ndjson"


def compared(stopped: Installation, recorded: Path, *more: str | Path) -> int:
    """Run the command."""
    return main(["compare", str(recorded), "--storefront", STOREFRONT, "--config", str(stopped.config), *map(str, more)])


def told(stopped: Installation, tmp_path: Path, recorded: Path = CAME, *more: str | Path) -> Any:
    """Run the command; give what it writes for programs."""
    path = tmp_path / "told.json"
    compared(stopped, recorded, "--json", path, *more)
    return json.loads(path.read_text())


def test_the_recorded_hour_is_told(stopped: Installation, tmp_path: Path) -> None:
    """Each event of the made-up hour, by platform and by who sends it, with the reasons for what does not go."""
    report = told(stopped, tmp_path, CAME, "--sent", SENT)
    assert (report["requests"], report["events"], report["repeats"], report["passed_over"]) == (10, 8, 1, 1)
    assert report["invalid"] == [{"field": "en", "rule": "not_one_of", "events": 1}]
    meta = report["destinations"]["meta"]
    assert meta["events"] == {"both": 2, "only_old": 5, "only_here": 0, "neither": 1}
    assert (meta["repeated"], meta["not_recorded"]) == (1, 1)
    though = {row["reason"]: row["sent_by_old"] for row in meta["refused"]}
    assert though == {"no_explicit_grant": 2, "gcd_denied": 1, "invalid": 1, "advertising_denied": 1, "no_consent": 0}
    assert report["sent"]["elsewhere"] == [{"host": "analytics.tiktok.com", "requests": 1}]
    leaked = {(row["destination"], row["path"], row["kind"]): (row["old"], row["why"]) for row in report["leaked"]}
    assert leaked["meta", "data[].user_data.client_ip_address", "ip_address"] == (9, "not_in_contract")
    assert leaked["google_ads", "conversions[].conversionValue", "money_number"] == (1, "not_these_events")
    assert ("meta", "data[].user_data.em[]") in {(row["destination"], row["path"]) for row in report["both"]}
    assert {"path": "customer.phone", "kind": "phone", "requests": 4, "read": False, "in_clear": True} in report["incoming"]


def test_it_needs_none_of_the_gateways_secrets(stopped: Installation, tmp_path: Path) -> None:
    """Whoever compares before the switch has no token yet and no key: the report is the same."""
    before = told(stopped, tmp_path, CAME, "--sent", SENT)
    (tmp_path / "told.json").unlink()
    for secret in ("sealing.json", "secret.key", "publishable.key", "meta.token", "pinterest.token", "google_ads.token"):
        (stopped.folder / secret).unlink()
    assert told(stopped, tmp_path, CAME, "--sent", SENT) == before


def test_differences_end_with_1(stopped: Installation) -> None:
    """So that a script notices."""
    assert compared(stopped, CAME, "--sent", SENT) == 1


def test_without_what_was_sent_it_tells_what_would_leave(stopped: Installation, capsys: pytest.CaptureFixture[str]) -> None:
    """From a HAR as well; there is nothing to differ from."""
    assert compared(stopped, RECORDINGS / "came.har") == 0
    said = capsys.readouterr().out
    assert "What the old container sent was not recorded" in said
    assert "Fields that only this gateway sends" in said
    assert re.search(r"user_data\.phone_number +. phone", said)


def test_the_table_says_what_a_merchant_asks(stopped: Installation, capsys: pytest.CaptureFixture[str]) -> None:
    """Events, reasons, fields."""
    compared(stopped, CAME, "--sent", SENT)
    said = capsys.readouterr().out
    assert "To another place, analytics.tiktok.com: requests 1." in said
    assert "Not taken, en not_one_of: events 1." in said
    assert re.search(r"Meta +. advertising_denied +. 1 +. 1 ", said)
    assert re.search(r"data\[\]\.user_data\.client_ip_address +. ip_address +. 9 +. 0 +. the contract does not allow it", said)


def test_the_page_stands_alone_and_is_for_its_owner(stopped: Installation, tmp_path: Path) -> None:
    """Nothing is fetched and no script runs; only what names a person stands out."""
    path = tmp_path / "page.html"
    compared(stopped, CAME, "--sent", SENT, "--html", path)
    text = path.read_text()
    assert not re.search(r"<script|src=|href=|@import|url\(", text)
    assert path.stat().st_mode & 0o077 == 0
    assert "<strong>Whole IP address</strong>" in text
    assert "<strong>SHA-256</strong>" not in text


def test_it_is_written_in_french(stopped: Installation, tmp_path: Path) -> None:
    """For a privacy officer who reads that."""
    path = tmp_path / "page.html"
    compared(stopped, CAME, "--sent", SENT, "--html", path, "--language", "fr")
    assert "Adresse IP complète" in path.read_text()


def test_a_file_that_is_there_is_not_overwritten(stopped: Installation, tmp_path: Path) -> None:
    """Nor is anything left of one that came to nothing."""
    path, other = tmp_path / "there", tmp_path / "other"
    path.write_text("mine")
    assert compared(stopped, CAME, "--json", other, "--html", path) == 2
    assert path.read_text() == "mine"
    bad = tmp_path / "bad.ndjson"
    bad.write_text("{")
    assert compared(stopped, bad, "--json", other) == 2
    assert not other.exists()


def test_what_is_wrong_with_a_file_is_said_by_line_and_rule(
    stopped: Installation, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Every line, and never its text."""
    bad = tmp_path / "bad.ndjson"
    bad.write_text('{"method": "GET"}\n' + '{"method": "GET", "url": "/", "at": "jane@example.com"}\n' * 30)
    assert compared(stopped, CAME, "--sent", bad) == 2
    said = capsys.readouterr().err
    assert "SENT cannot be taken as it is:" in said
    assert "line 1: url is missing." in said
    assert "line 2: at is not of its form" in said
    assert "and 11 more." in said
    assert "jane" not in said


def test_a_file_without_an_end_is_said_to_be_too_large(
    stopped: Installation, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A device does not say how long it is. The bound is small here, so that reading up to it takes no time."""
    monkeypatch.setattr("gateway.commands.compare.MOST_BYTES", 1_000_000)
    assert compared(stopped, Path("/dev/zero")) == 2
    assert "RECORDED is larger than 512 MiB" in capsys.readouterr().err


@pytest.mark.parametrize("option", ["", "--sent"])
def test_a_file_that_is_not_there_is_said_to_be_so(stopped: Installation, option: str) -> None:
    """Of either."""
    missing = Path("/nowhere/x")
    assert (compared(stopped, CAME, option, missing) if option else compared(stopped, missing)) == 2


def test_what_has_no_end_is_no_recording(
    stopped: Installation, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is not read for ever: a device says that it is empty when its size is asked for."""
    monkeypatch.setattr("gateway.commands.compare.MOST_BYTES", 1 << 20)
    assert compared(stopped, Path("/dev/zero")) == 2
    assert "is larger than" in capsys.readouterr().err


def test_every_rule_has_its_words() -> None:
    """Of recordings at least; those of fields are a part of all there are."""
    assert set(Rule) <= set(RULES)


# ── no value of anybody ──────────────────────────────────────────────────────────────────────────────────────────

KEEP: Final = frozenset({"method", "at", "event_name", "event", "en", "v"})
"""Fields that say what a request is; all others are marked."""
CLEAR: Final = (
    "MARK", "camille", "durand", "198.51.100", "6 12 34", "129.90", "5001", "customer-77", "token=", "Mozilla", "1129698125",
    "made-up", "canary.example", "98 76",
)  # fmt: skip
"""What stands in the files as they are, and what marks look like."""


def marks_of(prefix: str) -> Iterator[str]:
    """Give marks that look like nothing, like an address, like a telephone number, like a web address, by turns."""
    for number in count():
        mark = f"{prefix}{number}x"
        yield from (mark, f"{mark}@canary.example", f"+33 6 98 76 5{number % 10} 11", f"https://canary.example/{mark}")


def spoilt(path: Path) -> str:
    """Write a recording with marks in every value and every name, the platforms' hosts and paths aside."""
    marks, names = marks_of("MARK"), marks_of("NAME")
    lines = []
    for line in path.read_text().splitlines():
        said = json.loads(line)
        address, _, query = said["url"].partition("?")
        pairs = [pair.partition("=")[::2] for pair in query.split("&") if pair]
        pairs.append((quote(next(names)), ""))
        said["url"] = address + "?" + "&".join(f"{n}={v if n in KEEP else quote(next(marks))}" for n, v in pairs)
        said["headers"] = {n: v if n in {"Content-Type", "Origin"} else next(marks) for n, v in said.get("headers", {}).items()}
        said["headers"] |= {
            "Cookie": next(marks),
            "Referer": next(marks),
            "X-Forwarded-For": next(marks),
            next(names): next(marks),
        }
        said["remote"] = next(marks)
        if said.get("body"):
            said["body"] = json.dumps(marked(json.loads(said["body"]), marks, names))
        lines.append(json.dumps(said))
    return "\n".join(lines)


def marked(value: Any, marks: Iterator[str], names: Iterator[str]) -> Any:
    """Put a mark in place of every text, and beside each field another under a name of its own."""
    match value:
        case dict():
            kept = {name: below if name in KEEP else marked(below, marks, names) for name, below in value.items()}
            return kept | {next(names): next(marks)}
        case list():
            return [marked(below, marks, names) for below in value]
        case str():
            return next(marks)
        case _:
            return value


def test_no_value_of_either_file_is_in_what_comes_out(
    stopped: Installation, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Marks stand in every field of both files, and in names of fields; none is in terminal, JSON or page.

    A name that looks like nobody's is told, or the report would say nothing.
    """
    came, sent, page, data = (tmp_path / name for name in ("came", "sent", "page", "data"))
    came.write_text(CAME.read_text() + spoilt(CAME))
    sent.write_text(SENT.read_text() + spoilt(SENT))
    assert compared(stopped, came, "--sent", sent, "--html", page, "--json", data) == 1
    said = capsys.readouterr()
    for text in (said.out + said.err, page.read_text(), data.read_text()):
        assert re.search(r"data\[\]\.NAME\d+x", text)
        assert "(masked)" in text
        assert [mark for mark in CLEAR if mark in text] == []
