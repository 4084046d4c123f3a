"""Cookies: each goes to its tool, none is left unread, and nothing that happens to one of them makes a no a yes."""

import json
from random import Random
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.consent import table
from gateway.consent.cmp.choice import statements
from gateway.consent.cmp.decoding import LONGEST
from gateway.consent.policy import Policy
from gateway.consent.signals import ac, tcf
from gateway.consent.signals.cookies import ADDITIONAL_CONSENT, COOKIES, MOST, TC_STRING, TOOLS, read
from gateway.consent.statement import Context, Statements
from gateway.model.words import Destination, State
from tests.effort import effort
from tests.gateway.consent.cmp.rows import RULES, choice_of, cookies_of, examples, in_base64
from tests.gateway.consent.signals.reading import attested, plain

SITE: Final = Policy(cmp=RULES)
TC: Final = "CQqU34AQqU34AAfACBENCMFgAP_AAAAAAAqIF5wAQF5gAAAA.IF5wAQF5gA"
"""Everything accepted, vendor 755 disclosed, made on 2026-09-10."""
TC_NO: Final = "CQqU34AQqU34AAfACBENCMFgAAAAAAAAAAqIAAAAAAAA.IF5wAQF5gA"

ROWS: Final = [(tool, row) for tool in TOOLS for row in examples(tool.signal.value) if "cookies" in row]
ALL_ROWS: Final = [pytest.param(tool, row, id=f"{tool.signal}: {row['says']}") for tool, row in ROWS]


def said(cookies: object, context: Context | None = None) -> Statements:
    """What is read of these cookies on the site of the examples."""
    return read({"cookies": cookies}, context or plain(policy=SITE))


def states(rows: Statements) -> set[State]:
    """What the rows say, whoever they cover."""
    return {row.state for row in rows}


def yes(rows: Statements) -> set[Destination]:
    """Who is granted or permitted something, and refused nothing."""
    spoken = {True: set[Destination](), False: set[Destination]()}
    for row in rows:
        spoken[row.state in (State.GRANTED, State.PERMITTED)] |= set(row.covers)
    return spoken[True] - spoken[False]


def grants(rows: Statements) -> bool:
    """Whether that is anybody."""
    return bool(yes(rows))


REFUSED: Final = [cookies_of(row) for _, row in ROWS if State.DENIED in states(said(cookies_of(row)))]
"""The cookies of every example that refuses."""


# ── each to its tool ─────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(("tool", "row"), ALL_ROWS)
def test_each_example_says_what_it_says(tool: Any, row: dict[str, Any]) -> None:
    """The tool's choice becomes the table's rows; a TC string among its cookies is read as one besides."""
    context = plain(policy=SITE)
    expected = statements(tool.signal, choice_of(row), context)
    if TC_STRING in row["cookies"]:
        expected += tcf.evaluate(row["cookies"][TC_STRING], context)
    assert said(cookies_of(row)) == expected


def test_a_tc_string_and_additional_consent_are_read_as_such() -> None:
    """`euconsent-v2` and `addtl_consent` are the signals `tcf` and `ac` under other names."""
    assert said({TC_STRING: TC}) == tcf.evaluate(TC, plain()) == table.TCF_GRANTED[Destination.GOOGLE_ADS]
    assert said({TC_STRING: TC_NO}) == table.TCF_PURPOSE_REFUSED
    both = {TC_STRING: TC, ADDITIONAL_CONSENT: "2~89~dv.1"}
    assert said(both) == tcf.evaluate(TC, plain()) + ac.evaluate("2~89~dv.1", TC, plain())
    assert said({**both, ADDITIONAL_CONSENT: "2%7E89%7Edv.1"}) == said(both)
    assert said({ADDITIONAL_CONSENT: "2~89~dv.1"}) == ()
    assert said({TC_STRING: TC, ADDITIONAL_CONSENT: "2~%~"})[-1].state is State.INVALID
    assert said({TC_STRING: TC, ADDITIONAL_CONSENT: 2})[-1].state is State.INVALID
    assert said({TC_STRING: "", ADDITIONAL_CONSENT: ""}) == ()
    assert said({TC_STRING: 7})[-1].state is State.INVALID


def test_a_tc_string_beside_didomis_binary_form_decides() -> None:
    """What cannot be decoded is no obstacle where the same choice came in a form that can."""
    assert said({"didomi_dcs": "x"}) == table.CMP_UNREADABLE[TOOLS[2].signal]
    assert said({"didomi_dcs": "x", TC_STRING: TC}) == table.TCF_GRANTED[Destination.GOOGLE_ADS]
    assert said({"didomi_dcs": "x", TC_STRING: TC_NO}) == table.TCF_PURPOSE_REFUSED


def test_every_tool_that_is_there_is_read() -> None:
    """Two tools in one browser, as after a change of tool: both count, and the dates of both."""
    context = plain(policy=SITE)
    cookiebot = "{stamp:'a',marketing:true,method:'explicit',utc:1795000000000}"
    rows = said({"CookieConsent": cookiebot, "cookieconsent_status": "deny"}, context)
    assert [row.state for row in rows] == [State.GRANTED, State.DENIED]
    assert context.chosen_at == 1_795_000_000


# ── what is not there, not known, not text ───────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("cookies", [None, {}, dict.fromkeys(COOKIES), {"unheard_of": None}])
def test_what_is_not_there_says_nothing(cookies: object) -> None:
    """Null, no cookies, and cookies that are null."""
    assert read({"cookies": cookies}, attested()) == ()


@pytest.mark.parametrize("name", ["_ga", "cookieconsent", "OptanonConsent ", "optanonconsent", "", "usprivacy"])
@pytest.mark.parametrize("value", ["", "x", True, 0, {}])
def test_an_unknown_cookie_refuses(name: str, value: object) -> None:
    """It may hold a refusal, whatever else is there."""
    assert said({name: value}) == table.UNSUPPORTED
    assert table.UNSUPPORTED[0] in said({name: value, TC_STRING: TC})


@pytest.mark.parametrize("cookies", ["CookieConsent=-1", True, 1, ["CookieConsent"], {str(i): None for i in range(MOST + 1)}])
def test_what_is_no_short_object_refuses(cookies: object) -> None:
    """A header's text, a list, or more cookies than a consent tool has."""
    assert said(cookies) == table.UNSUPPORTED


@pytest.mark.parametrize("tool", TOOLS, ids=lambda tool: tool.signal.value)
@pytest.mark.parametrize("value", [True, False, 0, 1, [], {}, "x" * (LONGEST + 1)])
def test_what_is_no_short_text_refuses(tool: Any, value: object) -> None:
    """Each of a tool's cookies, those that only accompany as well."""
    for name in tool.cookies:
        assert table.CMP_UNREADABLE[tool.signal][0] in said({name: value})


# ── rules for whatever comes ─────────────────────────────────────────────────────────────────────────────────────

PIECES: Final = (
    *("{", "}", "[", "]", ",", ":", "'", '"', "\\", "&", "=", "%", "%27", "%2C", "%7B", ".", "~"),
    *("-1", "0", "1", "true", "false"),
    *("marketing", "method", "explicit", "utc", "stamp", "groups", "C0004", "interactionCount", "isGpcEnabled", "$$completed"),
    *("facebook_pixel", "accept_all", "deny", "eyJ", "e30", "é", "\x00", "\ud800", "lzc1."),
)
JUNK: Final = st.lists(st.sampled_from(PIECES), max_size=12).map("".join) | st.text(max_size=40)


@given(st.dictionaries(st.sampled_from(sorted(COOKIES)), JUNK, max_size=4))
def test_junk_is_read_without_an_exception(cookies: dict[str, str]) -> None:
    """Any text under any of the names; what it says, if anything, only in statements."""
    assert states(said(cookies)) <= set(State)


ACCEPTED: Final = [cookies_of(row) for _, row in ROWS if grants(said(cookies_of(row)))]


@given(st.sampled_from(ACCEPTED), st.data(), st.integers(0, 2**64))
def test_a_cookie_in_disorder_never_grants(cookies: dict[str, str], data: st.DataObject, seed: int) -> None:
    """The characters of a tool's accepting cookie, shuffled, turned round or in another case, accept nothing."""
    name = data.draw(st.sampled_from([tool.cookies[0] for tool in TOOLS if tool.cookies[0] in cookies]))
    text = cookies[name]
    shuffled = "".join(Random(seed).sample(text, len(text))) if len(text) > 20 else text  # noqa: S311 - no secret
    for garbled in (shuffled, text[::-1], text.swapcase(), text.upper()):
        assert garbled == text or not grants(said({**cookies, name: garbled}))


@given(st.sampled_from(REFUSED), JUNK, st.data())
def test_text_added_to_a_refusing_cookie_never_makes_it_grant(cookies: dict[str, str], junk: str, data: st.DataObject) -> None:
    """Whatever stands behind it: a second object, a second list of groups, another answer for the same vendor."""
    name = data.draw(st.sampled_from(sorted(cookies)))
    assert yes(said({**cookies, name: cookies[name] + junk})) <= yes(said(cookies))


@pytest.mark.parametrize(
    ("name", "refusing", "more"),
    [
        ("OptanonConsent", "interactionCount=1&groups=C0001:1,C0004:0", ",C0004:1"),
        ("OptanonConsent", "interactionCount=1&groups=C0001:1,C0004:0", "&groups=C0004:1"),
        ("CookieConsent", "{stamp:'a',marketing:false,method:'explicit',utc:1}", "{marketing:true}"),
        ("axeptio_cookies", '{"$$completed":true,"x":false}', '{"facebook_pixel":true}'),
        ("cookieconsent_status", "deny", "accept_all"),
        ("_pandectes_gdpr", in_base64({"status": "deny"}), in_base64({"status": "allow", "preferences": 0, "timestamp": 1})),
    ],
)
def test_an_acceptance_behind_a_refusal_does_not_count(name: str, refusing: str, more: str) -> None:
    """The same by hand, with what somebody would try."""
    assert not grants(said({name: refusing + more}))


def test_a_cookie_beside_a_refusing_one_never_lifts_the_refusal() -> None:
    """Each example that refuses somebody, beside each other example."""
    for refusing in REFUSED:
        refused = {platform for row in said(refusing) if row.state is State.DENIED for platform in row.covers}
        for _, row in ROWS:
            assert not yes(said({**cookies_of(row), **refusing})) & refused, (refusing, row["says"])


def with_unknown(cookies: dict[str, str]) -> dict[str, str]:
    """The same cookies with fields that nobody knows, each in its own format."""
    changed = dict(cookies)
    for name, text in cookies.items():
        if name == "CookieConsent" and text.startswith("{stamp") and text.endswith("}"):
            changed[name] = text[:-1] + ",unheard_of:'marketing',unheard_of_2:false}"
        elif name == "OptanonConsent" and text:
            changed[name] = "unheard_of=C0004%3A1&unheard_of_2=%zz&" + text
        elif name == "axeptio_cookies" and text.startswith('{"'):
            changed[name] = '{"$$unheard_of":{"facebook_pixel":false},' + text[1:]
    return changed


@pytest.mark.parametrize(("tool", "row"), ALL_ROWS)
def test_unknown_fields_never_matter(tool: Any, row: dict[str, Any]) -> None:
    """A tool's next version writes more than this one: what is known is read as before."""
    plainly = cookies_of(row)
    more = with_unknown(plainly)
    for name, value in row["cookies"].items():
        if isinstance(value, dict):
            more[name] = in_base64({"unheard_of": {"status": "deny", "enabled": ["x"]}, **value, "unheard_of_2": [False, 1.5]})
    assert tool.read(more, RULES) == tool.read(plainly, RULES)


# ── what it costs, and what it keeps ─────────────────────────────────────────────────────────────────────────────

HOSTILE: Final[list[tuple[str, str]]] = [
    ("CookieConsent", "{" + ",".join(f"a{i}:true" for i in range(800)) + "}"),
    ("CookieConsent", "{stamp:'" + "'" * 8000 + "'}"),
    ("CookieConsent", "{a:'" * 2000),
    ("CookieConsent", "{" + "a:'x'," * 1300 + "a:'x"),
    ("CookieConsent", "%41x" * 2048),
    ("OptanonConsent", "groups=" + ",".join("a:1" for _ in range(2000))),
    ("OptanonConsent", "groups=" + "C0004%3A1%2C" * 650),
    ("OptanonConsent", "&".join("a=b" for _ in range(2000))),
    ("OptanonConsent", "&" * 8192),
    ("OptanonConsent", "groups=" + ":" * 8000),
    ("didomi_token", in_base64({"purposes": {"enabled": [str(i) for i in range(900)]}})),
    ("didomi_token", "A" * 8192),
    ("didomi_token", "%3D" * 2700),
    ("axeptio_cookies", json.dumps({str(i): False for i in range(550)})),
    ("axeptio_cookies", '{"' * 4000),
    ("axeptio_authorized_vendors", "," * 8192),
    ("_pandectes_gdpr", in_base64([[]] * 1400)),
    ("_pandectes_gdpr", in_base64("[" * 6000)),
    ("cookieconsent_preferences_disabled", "marketing," * 800),
    ("cookieconsent_preferences_disabled", "," * 8192),
]


@pytest.mark.parametrize(("name", "text"), HOSTILE, ids=lambda part: part[:24])
def test_a_hostile_cookie_costs_less_than_a_millisecond(name: str, text: str) -> None:
    """Quotes in quotes, thousands of groups, nesting, as long as is read; the fixed work takes some two milliseconds."""
    assert len(text) <= LONGEST
    context = plain(policy=SITE)
    assert effort(lambda: read({"cookies": {name: text}}, context)) < 0.4


def test_nothing_of_a_cookie_is_in_what_is_said() -> None:
    """Cookies hold identifiers. Statements come from the table, and choices print no text."""
    mark = "00000000-0000-4000-8000-000000000001"
    cookies = {
        "CookieConsent": "{stamp:'" + mark + "',marketing:true,method:'explicit',utc:1795000000000}",
        "OptanonConsent": f"consentId={mark}&interactionCount=1&groups=C0004:1",
        "didomi_token": in_base64({"user_id": mark, "updated": "2026-11-18T11:06:40Z", "purposes": {"enabled": [mark]}}),
        "axeptio_cookies": json.dumps({"$$token": mark, "$$completed": True, "$$date": "2026-11-18T11:06:40Z", mark: True}),
        "_pandectes_gdpr": in_base64({"id": mark, "status": "allow", "preferences": 0, "timestamp": 1_795_000_000}),
        "cookieconsent_status": mark,
    }
    assert mark not in repr(said(cookies))
    for tool in TOOLS:
        assert mark not in repr(tool.read({name: cookies[name] for name in tool.cookies if name in cookies}, RULES))
