"""The laws that fuzzing holds against every parser: they hold for seeds, can be broken, and a short run finds nothing."""

import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Final

import msgspec
import pytest

from gateway.line import Line
from gateway.model.words import Destination, Source
from gateway.outbox.entries import Accept, Entry
from gateway.raw import RawEvent
from tests.effort import effort
from tests.fuzz import targets
from tests.fuzz.__main__ import read_quietly
from tests.fuzz.targets import MOST_SECONDS, REFUSALS, TARGETS, Broken, Event, Target, check, refused_by
from tests.strategies import NOW, raw_event

ROOT: Final = Path(__file__).parent.parent.parent
SOURCES: Final = ROOT / "gateway/sources"
NO_BODIES: Final = {"__init__", "fields", "money", "orders", "parameters", "strict", "typed"}
"""Files of `gateway/sources/` that the others read with."""
FEW_BODIES: Final = 1_000


@pytest.mark.parametrize("name", TARGETS)
def test_the_laws_hold_for_what_is_known(name: str) -> None:
    """Real shapes, from which fuzzing begins."""
    for seed in TARGETS[name].seeds:
        check(TARGETS[name], seed)


def test_every_source_is_fuzzed() -> None:
    """Each file that reads bodies stands behind a target."""
    read = {path.stem for path in SOURCES.glob("*.py")} - NO_BODIES
    named = Path(targets.__file__).read_text()
    assert {name for name in read if not any(f"{name}.{reads}(" in named for reads in ("decode", "order", "read_csv"))} == set()


def test_seeds_go_where_laws_can_be_broken() -> None:
    """Of every kind of signal some are accepted, or no law would ever be asked."""

    def accepts(target: Target) -> bool:
        return any(_accepted(event) for seed in target.seeds for event in target.read(seed))

    by_record = {"shopify", "woocommerce", "prestashop", "measurement"}
    without = {
        *by_record,
        "shopify_person",
        "shopify_refund",
        "us_privacy",
        "order_list",
    }  # a person, what never grants, what holds no events
    assert {name for name, target in TARGETS.items() if not accepts(target)} <= without


def _accepted(event: Event) -> bool:
    return isinstance(event, RawEvent) and any(
        isinstance(line.run(event, Source.EVENTS, NOW), Accept) for line in targets.LINES
    )


class Credulous(Line):
    """A line that takes whatever once was accepted, as if it had not heard the rest."""

    def run(self, event: RawEvent, *_: object, **__: object) -> Entry:  # type: ignore[override]
        """Forget every refusal."""
        said = (
            {name: value for name, value in event.consent.items() if {name: value} not in REFUSALS}
            if isinstance(event.consent, dict)
            else {}
        )
        return super().run(msgspec.structs.replace(event, consent=said or {"advertising": True}), Source.EVENTS, NOW)


@pytest.mark.parametrize("consent", [{"advertising": True}, {"advertising": True, "gcs": "G100"}, None])
def test_a_line_that_overhears_a_refusal_breaks_a_law(consent: object, monkeypatch: pytest.MonkeyPatch) -> None:
    """Beside the consent, in it, or where nothing at all was said."""
    lines = [Credulous(line.storefront, line.policy, line._adapters, line.origins, line.persons) for line in targets.LINES]
    monkeypatch.setattr(targets, "LINES", lines)
    event = msgspec.structs.replace(raw_event(), consent=consent)
    with pytest.raises(Broken):
        check(Target(lambda _body: [event], ()), b"")


def test_what_a_parser_does_not_declare_is_not_caught() -> None:
    """A `KeyError` would be a 500."""

    def reads(_body: bytes) -> Iterator[Event]:
        raise KeyError

    with pytest.raises(KeyError):
        check(Target(reads, ()), b"")


def test_a_plain_no_is_heard() -> None:
    """The laws' own reader, in each of its forms."""
    everybody = list(Destination)
    assert list(refused_by(None)) == list(refused_by({"advertising": False})) == list(refused_by({"gcs": "G101"})) == everybody
    assert list(refused_by({"vendors": {"meta": False, "google_ads": True}})) == [Destination.META]
    assert list(refused_by({"google": {"ad_storage": "granted", "ad_user_data": "denied"}})) == [Destination.GOOGLE_ADS]
    assert list(refused_by({"advertising": True, "gcs": "G111", "vendors": {}, "google": {}})) == []


MOST_EFFORT: Final = MOST_SECONDS / 0.005
"""Where the fixed piece of work takes five milliseconds."""
WHOLE: Final = 1 << 20
"""Bytes that a server may send."""
PARTS: Final = {
    "numbers": (b"[", b"0,", b"0]"),
    "numbers behind an escape": (b'["\\u0022",', b"1.5,", b"0]"),
    "objects": (b'{"events":[', b"{},", b"0]}"),
    "broken objects": (b'{"events":[', b'{"a":1,"a":1},', b"0]}"),
    "texts": (b'["\\u0022",', '"é",'.encode(), b"0]"),
    "one long text": (b'{"a":"', b"\\u0022", b'"}'),
    "boxes": (b"", b"[", b""),
    "open objects": (b"", b'{"a":1,', b""),
    "equal keys": (b"{", b'"a":1,', b'"a":1}'),
}


@pytest.mark.parametrize("parts", PARTS)
@pytest.mark.parametrize(
    "name",
    [
        "native",
        "cloudevents",
        "cloudevents_batch",
        "measurement",
        "shopify",
        "shopify_person",
        "shopify_refund",
        "woocommerce",
        "prestashop",
    ],
)
def test_a_mebibyte_of_any_one_thing_costs_little(name: str, parts: str) -> None:
    """What servers may send is read or refused within the promised time, be it ever so strange."""
    first, often, last = PARTS[parts]
    body = first + often * ((WHOLE - len(first) - len(last)) // len(often)) + last
    assert effort(partial(read_quietly, TARGETS[name], body)) < MOST_EFFORT


@pytest.mark.skipif(find_spec("atheris") is None, reason="atheris has wheels for Linux on x86-64 alone")
def test_a_short_run_finds_nothing(tmp_path: Path) -> None:
    """Guided by coverage, each target from its seeds; `make fuzz` does it for longer."""
    command = [sys.executable, "-m", "tests.fuzz", "--bodies", str(FEW_BODIES), "--kept", str(tmp_path)]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)  # noqa: S603 - our own program
    assert run.returncode == 0, run.stdout + run.stderr
    assert run.stdout.count(" fine") == len(TARGETS)
    assert not [line for line in run.stdout.splitlines() if " 0 bodies" in line]
