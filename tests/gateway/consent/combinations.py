"""The table of combinations: what several signals come to, under every profile and for visitors here and there.

    python -m tests.gateway.consent.combinations

prints it as docs/consent.md has it. Each cell is computed by the whole line with the real adapters: A goes, R goes under the
platform's mark for restricted processing, D is dropped; Meta, Pinterest, Google in that order.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple
from urllib.parse import quote

import msgspec

from gateway.consent.evidence import Record, combine
from gateway.consent.policy import Policy, Profile
from gateway.consent.table import ADVERTISING_NO, ADVERTISING_YES
from gateway.line import Line
from gateway.model.texts import EvidenceId, PersonKey, StorefrontId
from gateway.model.words import Destination, Source
from gateway.outbox.entries import Accept
from gateway.persons import Persons
from gateway.raw import RawEvent
from tests.adapters.cases import made
from tests.gateway.consent import gpp_writing as gpp
from tests.iab import writing as tcf
from tests.strategies import DAY, NOW, raw_event

PERSONS: Final = Persons(bytes(32))
ADAPTERS: Final = {destination: made(destination) for destination in Destination}
CELLS: Final = 4
DROPPED: Final = "D D D"
NOT_APPLICABLE: Final = "·"
COLUMNS: Final = ("opt-in", "US, `strict`", "US, `restricted`", "US, `opt_in_everywhere`")
OPT_IN_COUNTRIES: Final = ("FR", "GB", "CH", "CA", None, "unreadable")


class Row(NamedTuple):
    """What is said, in words and as signals, and what it comes to in each column; None where a column does not apply.

    `variants` are consent objects that all come to the same. `records` are what is found by what they cite.
    """

    number: str
    says: str
    variants: tuple[Mapping[str, Any], ...]
    cells: tuple[str | None, ...]
    banner: bool = False
    gpc_header: bool = False
    region: str | None = "CA"
    countries: tuple[str | None, ...] = OPT_IN_COUNTRIES
    records: tuple[Record, ...] = ()
    personalised: bool | None = None


def cookiebot(method: str, days: int = 1) -> dict[str, Any]:
    """Cookiebot's cookie of a visitor who takes everything."""
    text = (
        "{stamp:'aGFzaA==',necessary:true,preferences:true,statistics:true,marketing:true,"
        f"method:'{method}',ver:1,utc:{(NOW - days * DAY) * 1000},region:'fr'}}"
    )
    return {"cookies": {"CookieConsent": quote(text)}}


def record(number: int, browser: int, statements: Any, days: int = 1, *, withdrawn: bool = False) -> Record:
    """A record that is so many days old."""
    at = NOW - days * DAY
    key = PersonKey(f"{browser:016x}")
    return Record(EvidenceId(f"{number:024x}"), key, at, at, statements, withdrawn=withdrawn)


SHOPIFY: Final = {"shopify": {"marketingAllowed": True, "saleOfDataAllowed": True}}
NO_SALE: Final = {"shopify": {"marketingAllowed": True, "saleOfDataAllowed": False}}
SHOPIFY_NO: Final = {"shopify": {"marketingAllowed": False, "saleOfDataAllowed": True}}
GCD_UPDATED, GCD_DEFAULT, GCD_DENIED = {"gcd": "11r1r1r1r5l1"}, {"gcd": "11t1t1t1t5l1"}, {"gcd": "11q1q1q1q5l1"}
GCS_GRANTED, GCS_DENIED = {"gcs": "G111"}, {"gcs": "G101"}
TC: Final = {"tcf": tcf.tc(tcf.core(), tcf.SHOWN)}
NO_VENDOR: Final = {"tcf": tcf.tc(tcf.core(vendors=tcf.flags(754, most=755)), tcf.SHOWN)}
NOT_SHOWN: Final = {"tcf": tcf.tc(tcf.core(), tcf.segment(tcf.DISCLOSED, tcf.flags(754, most=755)))}
NOT_ALLOWED: Final = {"tcf": tcf.tc(tcf.core(restricted=tcf.restrictions((7, 0, tcf.entries(755)))), tcf.SHOWN)}
BY_INTEREST: Final = {"tcf": tcf.tc(tcf.core(consents=(1,), interests=(7,)), tcf.SHOWN)}
ONLY_STORAGE: Final = {"tcf": tcf.tc(tcf.core(consents=(1,)), tcf.SHOWN)}
NO_STORAGE: Final = {"tcf": tcf.tc(tcf.core(consents=(7,)), tcf.SHOWN)}
TOO_OLD: Final = {"tcf": tcf.tc(tcf.core(created=NOW - 184 * DAY, last_updated=NOW - 184 * DAY), tcf.SHOWN)}
AHEAD: Final = {"tcf": tcf.tc(tcf.core(created=NOW + 2 * DAY, last_updated=NOW + 2 * DAY), tcf.SHOWN)}
CUT, GARBLED = {"tcf": TC["tcf"][:20]}, {"tcf": f"{TC['tcf']}!"}
GPP_NO_OPT_OUT: Final = {"gpp": gpp.string({8: gpp.core(SaleOptOut=2, SharingOptOut=2)})}
GPP_OPT_OUT: Final = {"gpp": gpp.string({8: gpp.core(SaleOptOut=1, SharingOptOut=2)})}
CANADA_IMPLIED: Final = {"gpp": gpp.string({5: gpp.canada(implied=(1, 7), implied_vendors=(755,), updated=NOW - DAY)})}
CANADA_EXPRESS: Final = {"gpp": gpp.string({5: gpp.canada(express=(1, 7), vendors=(755,), updated=NOW - DAY)})}
ONLY_GOOGLE: Final = {"vendors": {"google_ads": True, "meta": False, "pinterest": False}}
CITES: Final = ({"join": {"order_id": "1001"}}, {"receipt": "r-0123456789abcdef"})
YES, NO = ADVERTISING_YES, ADVERTISING_NO
CHANGED_TO_YES: Final = (record(1, 1, NO, 2), record(2, 1, YES))
CHANGED_TO_NO: Final = (record(1, 1, YES, 2), record(2, 1, NO))
TWO_BROWSERS: Final = (record(1, 1, NO, 2), record(2, 2, YES))

ALL, GOOGLE, NONE = "A A A", "D D A", DROPPED

ROWS: Final = (
    Row("1", "nothing", ({},), (NONE,) * CELLS),
    Row("2", "Shopify allows marketing, banner attested", (SHOPIFY,), (ALL,) * CELLS, banner=True),
    Row("3", "the same, no banner attested", (SHOPIFY,), (NONE, ALL, ALL, NONE)),
    Row("4", "Shopify forbids marketing", (SHOPIFY_NO,), (NONE,) * CELLS, banner=True),
    Row("5", "Shopify allows marketing, forbids sale", (NO_SALE,), (NONE, NONE, "R R D", NONE), banner=True),
    Row("6", "Shopify allows marketing + GPC", (SHOPIFY,), (NONE, NONE, "R R D", NONE), banner=True, gpc_header=True),
    Row("7", "explicit yes in a consent tool + GPC", (cookiebot("explicit"),), (NONE, NONE, "R R D", NONE), gpc_header=True),
    Row("8", "explicit yes in a consent tool", (cookiebot("explicit"), {"advertising": True}), (ALL,) * CELLS),
    Row("9", "implied yes in a consent tool", (cookiebot("implied"),), (NONE, ALL, ALL, NONE)),
    Row(
        "10",
        "yes, 184 days old",
        (cookiebot("explicit", 184), {"advertising": True, "given_at": NOW - 184 * DAY}),
        (NONE,) * CELLS,
    ),
    Row("11", "`gcd`: granted by an update", (GCD_UPDATED,), (GOOGLE,) * CELLS),
    Row("12", "`gcd`: granted by default", (GCD_DEFAULT,), (NONE, GOOGLE, GOOGLE, NONE)),
    Row("13", "`gcs`: granted", (GCS_GRANTED,), (NONE, GOOGLE, GOOGLE, NONE)),
    Row(
        "14",
        "`gcs` or `gcd` granted, Shopify forbids marketing",
        ({**GCS_GRANTED, **SHOPIFY_NO}, {**GCD_UPDATED, **SHOPIFY_NO}),
        (NONE,) * CELLS,
        banner=True,
    ),
    Row(
        "15",
        "Shopify allows marketing, `gcs` or `gcd` denied",
        ({**GCS_DENIED, **SHOPIFY}, {**GCD_DENIED, **SHOPIFY}),
        (NONE,) * CELLS,
        banner=True,
    ),
    Row(
        "16",
        "Shopify (banner), `gcd` refuses personalisation: Google is told",
        ({**SHOPIFY, "gcd": "11r1r1r1q5l1"},),
        (ALL,) * CELLS,
        banner=True,
        personalised=False,
    ),
    Row("17", "TC string accepted", (TC,), (GOOGLE,) * CELLS),
    Row("18", "TC string accepted + Shopify (banner)", ({**TC, **SHOPIFY},), (ALL,) * CELLS, banner=True),
    Row(
        "19",
        "TC purposes accepted, vendor 755 missing, not disclosed or restricted + Shopify (banner)",
        tuple({**one, **SHOPIFY} for one in (NO_VENDOR, NOT_SHOWN, NOT_ALLOWED)),
        ("A A D",) * CELLS,
        banner=True,
    ),
    Row(
        "20",
        "TC purpose 1 or 7 refused, Shopify allows marketing",
        tuple({**one, **SHOPIFY} for one in (ONLY_STORAGE, NO_STORAGE)),
        (NONE,) * CELLS,
        banner=True,
    ),
    Row(
        "21",
        "TC string garbled, cut, too old or dated ahead, Shopify allows marketing",
        tuple({**one, **SHOPIFY} for one in (GARBLED, CUT, TOO_OLD, AHEAD)),
        (NONE,) * CELLS,
        banner=True,
    ),
    Row("22", "TC string accepted + Additional Consent names 89", ({**TC, "ac": "2~89~dv."},), ("A D A",) * CELLS),
    Row(
        "23",
        "TC string accepted + Additional Consent refuses 89 + Shopify (banner)",
        ({**TC, **SHOPIFY, "ac": "2~~dv.89"},),
        ("D A A",) * CELLS,
        banner=True,
    ),
    Row("24", "TC purpose 7 by legitimate interest only", (BY_INTEREST,), (NONE,) * CELLS),
    Row("25", "vendors: Google yes", (ONLY_GOOGLE,), (GOOGLE,) * CELLS),
    Row(
        "26",
        "US Privacy or GPP opts out, or is broken + Shopify allows marketing",
        tuple(
            {**one, **SHOPIFY}
            for one in ({"us_privacy": "1YYN"}, {"us_privacy": "1Y-N"}, {"us_privacy": "YES"}, GPP_OPT_OUT, {"gpp": "DBAB"})
        ),
        (NONE, NONE, "R R D", NONE),
        banner=True,
    ),
    Row(
        "27",
        "US Privacy or GPP does not opt out + Shopify allows marketing, no banner attested",
        tuple({**one, **SHOPIFY} for one in ({"us_privacy": "1YNN"}, GPP_NO_OPT_OUT)),
        (NONE, ALL, ALL, NONE),
    ),
    Row("28", "opt-out, the state is not known", ({"advertising": True, "gpc": True},), (None, NONE, NONE, NONE), region=None),
    Row(
        "29",
        "opt-out, a state without a code of Meta's",
        ({"advertising": True, "gpc": True},),
        (None, NONE, "D R D", NONE),
        region="VA",
    ),
    Row("30a", "GPP for Canada: implied consent", (CANADA_IMPLIED,), (NONE, None, None, None), countries=("CA",)),
    Row("30b", "GPP for Canada: express consent", (CANADA_EXPRESS,), (GOOGLE, None, None, None), countries=("CA",)),
    Row("31", "DNT + Shopify (banner)", ({**SHOPIFY, "dnt": "1"},), (ALL,) * CELLS, banner=True),
    Row("32", "a newsletter's permission only", ({"buyer_accepts_marketing": True},), (NONE,) * CELLS, banner=True),
    Row("33", "an order that cites a record, none found", CITES, (NONE,) * CELLS, banner=True),
    Row("34", "an order whose record says yes", CITES, (ALL,) * CELLS, records=(record(1, 1, YES),)),
    Row("35a", "its record is older than consent lasts", CITES, (NONE,) * CELLS, records=(record(1, 1, YES, 184),)),
    Row("35b", "its record was withdrawn", CITES, (NONE,) * CELLS, records=(record(1, 1, YES, withdrawn=True),)),
    Row("36a", "two records of one browser, the later says yes", CITES, (ALL,) * CELLS, records=CHANGED_TO_YES),
    Row("36b", "two records of one browser, the later says no", CITES, (NONE,) * CELLS, records=CHANGED_TO_NO),
    Row("36c", "records of two browsers, one says no", CITES, (NONE,) * CELLS, records=TWO_BROWSERS),
)  # fmt: skip


Visitor = tuple[Profile, str | None, str | None]
"""The profile, the country and the region."""


def outcome(row: Row, consent: Mapping[str, Any], visitor: Visitor) -> tuple[str, bool]:
    """What becomes of an event with this consent: a letter for each platform, and whether Google is told of personalisation."""
    profile, country, region = visitor
    policy = Policy(profile=profile, banner_regions=frozenset("*") if row.banner else frozenset())
    line = Line(StorefrontId("shop"), policy, ADAPTERS, frozenset(), PERSONS)
    raw = msgspec.structs.replace(raw_event(consent=dict(consent)), country=country, region=region, gpc_header=row.gpc_header)
    assert isinstance(raw, RawEvent)
    entry = line.run(raw, Source.EVENTS, NOW, combine(row.records, policy, NOW))
    if not isinstance(entry, Accept):
        return DROPPED, False
    goes = "A" if entry.event.restricted is None else "R"
    letters = " ".join(goes if d in entry.event.destinations else "D" for d in Destination)
    return letters, entry.event.ads_personalisation


def cells(row: Row) -> Iterator[tuple[int, frozenset[str]]]:
    """For each column that applies, what all that stands for it comes to: one answer, if the table holds."""
    inside: list[Visitor] = [
        (profile, "US", row.region) for profile in (Profile.STRICT, Profile.RESTRICTED, Profile.OPT_IN_EVERYWHERE)
    ]
    outside: list[Visitor] = [(profile, country, None) for profile in Profile for country in row.countries]
    for column, visitors in enumerate((outside, *([one] for one in inside))):
        if row.cells[column] is not None:
            found = {outcome(row, consent, visitor)[0] for consent in row.variants for visitor in visitors}
            yield column, frozenset(found)


def table() -> str:
    """The whole table as Markdown, computed."""
    lines = [f"| | signals | {' | '.join(COLUMNS)} |", f"|---|---|{'---|' * CELLS}"]
    for row in ROWS:
        found = {column: " / ".join(sorted(answers)) for column, answers in cells(row)}
        lines.append(
            f"| {row.number} | {row.says} | {' | '.join(found.get(column, NOT_APPLICABLE) for column in range(CELLS))} |"
        )
    return "\n".join(lines)


if __name__ == "__main__":
    print(table())
