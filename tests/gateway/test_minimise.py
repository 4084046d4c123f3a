"""The boundary: golden digests for each platform's rule, addresses that cannot be undone, nothing that nobody asked for."""

import json
import re
from hashlib import sha256
from ipaddress import IPv4Address, IPv6Address, ip_network
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway import minimise as minimise_module
from gateway.adapter import Needs
from gateway.address import parse
from gateway.consent.decision import Consented, admit
from gateway.consent.policy import Policy
from gateway.minimise import (
    ADDRESS,
    ADDRESS_IN_ASCII,
    BROWSERS,
    GMAIL,
    MOST_REMEMBERED,
    SYSTEMS,
    email_digests,
    fold_gmail,
    minimise,
    page_origin,
    page_path,
    reduced_user_agent,
    truncated_ip,
    wanted,
)
from gateway.model.event import ClickIds, EmailDigests, Minimised
from gateway.model.money import Money
from gateway.model.texts import (
    ContentId,
    EmailDigest,
    GoogleClickId,
    MetaClickId,
    PageOrigin,
    PagePath,
    PinterestClickId,
    TruncatedIp,
    UserAgent,
)
from gateway.model.words import Destination, Kind, Remark, UsState
from tests.strategies import ADDRESSES, IPS, LOCAL, NOW, URLS, raw_event

EMAILS: Final = json.loads((Path(__file__).parents[1] / "data" / "emails.json").read_bytes())
ALL: Final = tuple(Destination)
META, PINTEREST, GOOGLE = ALL
NONE: Final = frozenset[str]()


def digest(text: str | None) -> str | None:
    """SHA-256 of a text, None for none."""
    return None if text is None else sha256(text.encode()).hexdigest()


# ── e-mail ───────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("row", EMAILS["addresses"], ids=lambda row: ascii(row["raw"]))
def test_each_platform_gets_the_digest_of_its_own_rule(row: dict[str, Any]) -> None:
    """Each address of `emails.json` gives Meta and Pinterest one digest and Google its own, or nobody any."""
    digests = email_digests(row["raw"], ALL)
    found = (digests.meta, digests.pinterest, digests.google_ads) if digests else (None, None, None)
    assert found == (digest(row["plain"]), digest(row["plain"]), digest(row["google"]))
    assert found == (row["plain_sha256"], row["plain_sha256"], row["google_sha256"])
    assert row["source"] in EMAILS["sources"]


@pytest.mark.parametrize("row", EMAILS["addresses"], ids=lambda row: ascii(row["raw"]))
def test_what_is_refused_is_refused_for_a_reason_and_wholly(row: dict[str, Any]) -> None:
    """Where nothing leaves, or not what Meta's own SDK would make, the reason is written down, and that never leaves."""
    differs = row["meta_sdk_sha256"] != row["plain_sha256"]
    assert ("why" in row) is (differs or row["plain"] is None or row["google"] is None)
    digests = email_digests(row["raw"], ALL)
    left = set(digests.distinct()) if digests else set()
    assert not left & {never["sha256"] for never in EMAILS["never"]}
    assert not (differs and row["meta_sdk_sha256"] in left)


@pytest.mark.parametrize("row", EMAILS["addresses"], ids=lambda row: ascii(row["raw"]))
@pytest.mark.parametrize("destinations", [(META,), (PINTEREST,), (GOOGLE,), (META, GOOGLE), ()])
def test_nobody_gets_the_digest_of_another(row: dict[str, Any], destinations: tuple[Destination, ...]) -> None:
    """Only the wanted destinations get a digest, and when there is none for any of them there is no empty set of them."""
    expected = {META: row["plain"], PINTEREST: row["plain"], GOOGLE: row["google"]}
    kept = {d.value: digest(expected[d]) if d in destinations else None for d in ALL}
    digests = email_digests(row["raw"], destinations)
    assert digests == (EmailDigests(**kept) if any(kept.values()) else None)  # type: ignore[arg-type]  # plain text compares equal


@settings(max_examples=300)
@given(ADDRESSES | st.text(max_size=30))
def test_a_digest_is_the_hash_of_the_address_as_typed_but_for_case_and_blanks(text: str) -> None:
    """Whatever is offered, a digest is that of the trimmed lower-case text, folded for Google's own domains alone."""
    digests = email_digests(text, ALL)
    if digests is None:
        return
    plain = text.strip().strip("\ufeff\u200b\u200c\u200d\u2060").strip().lower()
    assert digests.meta == digests.pinterest
    assert digests.meta in (None, digest(plain))
    assert digests.google_ads in (None, digest(fold_gmail(plain) if plain.endswith(GMAIL) else plain))


@given(LOCAL, st.sampled_from(GMAIL))
def test_dots_and_plus_make_no_difference_at_googles_own_domains(local: str, domain: str) -> None:
    """Two ways of writing one Gmail address give Google one digest."""
    letters = "".join(letter for letter in local.lower() if letter.isalnum() and letter.isascii()) or "x"
    spellings = [letters, ".".join(letters), f"{letters}+shop", letters.upper()]
    assert len({email_digests(f"{spelling}{domain}", (GOOGLE,)) for spelling in spellings}) == 1


@given(st.text("abz019.-_+@%'é", max_size=40).filter(str.isascii))
def test_the_faster_pattern_finds_the_same_addresses(text: str) -> None:
    """Both patterns agree on every lower-case ASCII text."""
    assert bool(ADDRESS.fullmatch(text)) == bool(ADDRESS_IN_ASCII.fullmatch(text))


@pytest.mark.parametrize(
    ("text", "good"),
    [
        ("a" * 64 + "@example.com", True),
        ("a" * 65 + "@example.com", False),
        ("a@" + "b" * 63 + ".com", True),
        ("a@" + "b" * 64 + ".com", False),
        ("a@" + "b." * 124 + "com", True),
        ("a@" + "b." * 125 + "com", False),
        ("a@b.c", False),
        ("a@b.co", True),
        ("a_b@c-d.travel", True),
        ("a@b.xn--p1ai", True),
        ("a@b.c0m", False),
        (".a@b.com", False),
        ("a.@b.com", False),
        ("a@.com", False),
        ("a@b..com", False),
        ("a@b-.com", False),
    ],
)
def test_the_lengths_and_dots_of_an_address_have_limits(text: str, good: bool) -> None:
    """An address has a local part of 64, labels of 63, 254 characters in all, and no empty part."""
    assert (email_digests(text, ALL) is not None) is good


def test_a_hash_is_never_hashed_again() -> None:
    """What looks like a hash in the address field is no address, so the hash of a hash cannot leave."""
    for length in (32, 40, 56, 64, 96, 128):
        assert email_digests("a" * length, ALL) is None
        assert email_digests(f" {'A' * length} ", ALL) is None


# ── IP address ───────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("text", "network"),
    [
        ("203.0.113.77", "203.0.113.0"),
        ("203.0.113.77:443", "203.0.113.0"),
        ("1.0.0.1", "1.0.0.0"),
        ("223.255.255.255", "223.255.255.0"),
        ("172.15.0.1", "172.15.0.0"),
        ("172.32.0.1", "172.32.0.0"),
        ("100.63.0.1", "100.63.0.0"),
        ("100.128.0.1", "100.128.0.0"),
        ("198.17.0.1", "198.17.0.0"),
        ("192.167.1.1", "192.167.1.0"),
        ("::ffff:203.0.113.77", "203.0.113.0"),
        ("2002:cb00:714d::1", "203.0.113.0"),
        ("64:ff9b::203.0.113.77", "203.0.113.0"),
        ("2001:0:4136:e378:8000:63bf:34ff:8eb2", "203.0.113.0"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1::"),
        ("[2001:db8:1:2::]:80", "2001:db8:1::"),
        ("2001:db8::1%eth0", "2001:db8::"),
        ("2a01::1", "2a01::"),
        ("2a01:0:5::1", "2a01:0:5::"),
        ("3fff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "3fff:ffff:ffff::"),
    ],
)
def test_an_address_is_cut_to_its_network(text: str, network: str) -> None:
    """IPv4 is cut to its /24 and IPv6 to its /48, however it was written."""
    assert truncated_ip(text) == TruncatedIp(network)


@pytest.mark.parametrize(
    "text",
    [
        "0.1.2.3", "10.1.2.3", "127.0.0.1", "169.254.1.1", "172.16.0.1", "172.31.255.255", "192.168.1.1", "100.64.0.1",
        "100.127.0.1", "198.18.0.1", "198.19.255.1", "224.0.0.1", "255.255.255.255", "::", "::1", "::ffff:192.168.1.1",
        "2002:c0a8:0101::1", "64:ff9b::10.0.0.1", "64:ff9b:1::1", "fe80::1%eth0", "fec0::1", "fc00::1", "fd12:3456::1",
        "ff02::1", "100::1", "4000::1", "::ffff:0:203.0.113.77", "unknown", "", "203.0.113.77, 198.51.100.1",
        "203.0.113.77.ABcDEFGh", "203.0.113.77.AQ", "2a00:1450:4007::7.ABcDEFGh",
    ],
)  # fmt: skip
def test_what_says_nothing_of_a_visitor_is_left_out(text: str) -> None:
    """Private, local, reserved and unreadable addresses become nothing, those with an appendix of Meta's builder among them."""
    assert truncated_ip(text) is None


@settings(max_examples=400)
@given(IPS)
def test_the_host_of_an_address_never_gets_through(text: str) -> None:
    """What comes out passes its own check at birth, and is the network of the address that was meant."""
    network = truncated_ip(text)
    if network is None:
        return
    assert TruncatedIp(network) == network
    numbers = parse(text)
    assert numbers is not None
    if len(numbers) == 4:
        assert IPv4Address(bytes(numbers)) in ip_network(f"{network}/24")
    else:
        assert IPv6Address(b"".join(n.to_bytes(2, "big") for n in numbers)) in ip_network(f"{network}/48")


@given(st.ip_addresses(v=4), st.integers(0, 255))
def test_neighbours_cannot_be_told_apart(address: IPv4Address, other: int) -> None:
    """Every host of a /24 gives the same network."""
    front = str(address).rpartition(".")[0]
    assert truncated_ip(str(address)) == truncated_ip(f"{front}.{other}")


# ── page ─────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("https://shop.example/thanks?token=x#y", "https://shop.example"),
        ("HTTPS://Shop.Example", "https://shop.example"),
        ("https://shop.example.:443/", "https://shop.example"),
        ("http://shop.example:80", "http://shop.example"),
        ("http://shop.example:443/", "http://shop.example:443"),
        ("https://shop.example:08443?x", "https://shop.example:8443"),
        ("https://jane:secret@shop.example/x", "https://shop.example"),
        ("https://jane@shop.example#x", "https://shop.example"),
        ("http://localhost:8080/x", "http://localhost:8080"),
        ("https://xn--mller-kva.de/", "https://xn--mller-kva.de"),
        ("https://shop.example?jane@example.com", "https://shop.example"),
        ("https://shop.example/@jane", "https://shop.example"),
    ],
)
def test_a_page_is_cut_to_its_origin(url: str, origin: str) -> None:
    """Scheme, host and port are left; user, path, query and fragment are gone."""
    assert page_origin(url, NONE) == PageOrigin(origin)


@pytest.mark.parametrize(
    "url",
    [
        "", "shop.example", "//shop.example/", "ftp://shop.example", "https:shop.example", "https:///x", "https://",
        "javascript:x", "https://sh op.example/", "https://a@b@shop.example/", "https://shop.example\\@evil.example", "https://müller.de/",
        "https://shop.example:/", "https://shop.example:x/", "https://shop.example:123456/", " https://shop.example",
        "https://[2001:db8::1]/", "https://203.0.113.77/", "https://203.0.113.77:8080/", "https://3405803853/",
        "https://0xcb00714d/", "https://shop.203/", "https://jane%40example.com/", "https://shop.example\n/",
        "file:///etc/passwd", "https://-x.de/",
    ],
)  # fmt: skip
def test_what_has_no_name_to_tell_is_left_out(url: str) -> None:
    """No web address, another scheme, an IP address in place of a name, or a trick gives no origin."""
    assert page_origin(url, NONE) is None


def test_only_the_storefronts_own_pages_are_told() -> None:
    """Where the storefront named its origins, no other is kept, and there its own may be a number."""
    own = frozenset({"https://shop.example", "http://127.0.0.1:8090"})
    assert page_origin("https://shop.example/x", own) == "https://shop.example"
    assert page_origin("http://127.0.0.1:8090/x", own) == "http://127.0.0.1:8090"
    assert page_origin("https://jane-doe.evil.example/", own) is None
    assert page_origin("https://shop.example:8443/", own) is None
    assert page_origin("https://shop.example/x", NONE) == "https://shop.example"


@settings(max_examples=300)
@given(st.lists(URLS), URLS, st.sampled_from((NONE, frozenset({"https://shop.example"}))))
def test_an_origin_does_not_depend_on_the_pages_seen_before(pages: list[str], url: str, own: frozenset[str]) -> None:
    """What was remembered of other pages changes nothing."""
    minimise_module._PLAIN.clear()
    fresh = page_origin(url, own)
    for page in pages:
        page_origin(page, own)
        page_origin(page, NONE)
    assert page_origin(url, own) == fresh


@pytest.mark.parametrize(
    "url", ["https://shop.exampleX", "https://shop.example:", "https://shop.exampl", "https://shop.example@x/"]
)
def test_a_page_that_only_begins_like_a_known_one_is_another(url: str) -> None:
    """An origin is known by what stands before the slash, whole."""
    minimise_module._PLAIN.clear()
    fresh = page_origin(url, NONE)
    assert page_origin("https://shop.example/", NONE) == "https://shop.example"
    assert page_origin(url, NONE) == fresh != "https://shop.example"


def test_few_origins_are_remembered() -> None:
    """However many there are, memory is bounded."""
    for number in range(2 * MOST_REMEMBERED):
        page_origin(f"https://shop-{number}.example/", NONE)
    assert len(minimise_module._PLAIN) <= MOST_REMEMBERED


@settings(max_examples=300)
@given(URLS | st.text(max_size=40))
def test_an_origin_holds_nothing_of_the_rest(url: str) -> None:
    """What comes out passes its own check at birth and holds no more than a name and a port."""
    origin = page_origin(url, NONE)
    if origin is not None:
        assert PageOrigin(origin) == origin
        assert origin.partition("://")[2].partition(":")[0] == (urlsplit(url).hostname or "").rstrip(".")
        assert not set("@?#%") & set(origin)


# ── user agent ───────────────────────────────────────────────────────────────────────────────────────────────────

CHROME = "AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.6778.86"
SAFARI = "AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.4.1"


@pytest.mark.parametrize(
    ("agent", "system", "browser"),
    [
        ("(Windows NT 10.0; Win64; x64; rv:133.0) Gecko/20100101 Firefox/133.0", "Windows", "Firefox/133.0"),
        (f"(Windows NT 6.1) {CHROME} Safari/537.36", "Windows", "Chrome/131.0.0.0 Safari"),
        (f"(Macintosh; Intel Mac OS X 14_6) {CHROME} Safari/537.36 Edg/130.0.2903.70", "Macintosh", "Edg/130.0.0.0"),
        (f"(Macintosh; Intel Mac OS X 10_15_7) {SAFARI} Safari/605.1.15", "Macintosh", "Version/17.0 Safari"),
        (f"(iPhone; CPU iPhone OS 17_4_1 like Mac OS X) {SAFARI} Mobile/15E148 Safari/604.1", "iPhone", "Version/17.0 Safari"),
        (f"(iPad; CPU OS 16_1 like Mac OS X) {SAFARI} EdgiOS/119.0 Mobile/15E148 Safari/605.1", "iPad", "Version/17.0 Safari"),
        (f"(Linux; Android 14; SM-S918B Build/UP1A) {CHROME} Mobile Safari/537.36", "Android", "Chrome/131.0.0.0"),
        ("(X11; Ubuntu; Linux x86_64; rv:132.0) Gecko/20100101 Firefox/132.0", "Linux", "Firefox/132.0"),
    ],
)
def test_a_user_agent_is_rebuilt_from_families(agent: str, system: str, browser: str) -> None:
    """System family, browser family and major version are left; model, build and minor versions are gone."""
    reduced = reduced_user_agent(f"Mozilla/5.0 {agent}")
    assert reduced is not None
    assert dict(SYSTEMS)[system] in reduced
    assert browser in reduced
    for trace in ("SM-S918B", "UP1A", "15E148", "17.4.1", "6778", "Ubuntu", "14_6", "2903", "NT 6.1"):
        assert trace not in reduced


@pytest.mark.parametrize(
    "agent",
    [
        "", "curl/8.5", "Mozilla/5.0", "Chrome/131", "Windows", "Windows Safari/1", "iPhone Version/17",
        "Windows Firefox/", "Windows Edg/x", "Windows Chrome/ 131", "iPhone Version/ Safari/604.1",
    ],
)  # fmt: skip
def test_an_unknown_user_agent_is_left_out(agent: str) -> None:
    """Without a known system and a known browser of a known version nothing is guessed."""
    assert reduced_user_agent(agent) is None


WORDS = st.sampled_from([token for token, _ in SYSTEMS] + [f"{token}{n}" for token, *_ in BROWSERS for n in (1, 131, 12345)])
SHAPES = "|".join(re.escape(shape).replace(r"\{0\}", r"\d{1,3}") for _, _, shape in BROWSERS)
SYSTEM_WORDS = "|".join(re.escape(frozen) for _, frozen in SYSTEMS)


@given(st.lists(WORDS | st.just("Version/17.4") | st.text(max_size=8), max_size=6).map(" ".join))
def test_a_reduced_user_agent_is_of_a_closed_vocabulary(agent: str) -> None:
    """Whatever was sent, only our own words and at most three digits of a version come out."""
    reduced = reduced_user_agent(agent)
    assert reduced is None or re.fullmatch(rf"Mozilla/5\.0 \((?:{SYSTEM_WORDS})\) (?:{SHAPES})", reduced)


# ── the whole event ──────────────────────────────────────────────────────────────────────────────────────────────

EVERYTHING: Final = Needs(ip=True, user_agent="full", page_origin=True, click_ids=frozenset({"gclid", "fbc", "epik"}))
NOTHING: Final = Needs(email=False, money=False)
PRODUCTS_AND_PATH: Final = Needs(page_origin=True, content_ids=True, page_path=True)
CLICKS: Final = {"gclid": "Cj0KCQiAgclid", "fbc": "fb.1.1795339000123.abc", "epik": "dj0yJnU9abc", "wbraid": "0123456789"}


def consented(**changes: Any) -> Consented:
    """A good event with changes, admitted for everybody."""
    admitted = admit(raw_event(**changes), Policy(), ALL, NOW)
    assert isinstance(admitted, Consented)
    return admitted


def crossed(needs: dict[Destination, Needs], **changes: Any) -> tuple[Minimised, set[Remark]]:
    """An event carried over the boundary for these needs, and what was done to it."""
    event, bits = minimise(consented(**changes), tuple(needs), wanted(needs), NONE)
    return event, {remark for remark in Remark if bits >> remark & 1}


def test_what_everybody_may_have_comes_over_whole() -> None:
    """With every need allowed, each field is there in its minimised form, and each is remarked upon."""
    event, remarks = crossed(dict.fromkeys(ALL, EVERYTHING), click=CLICKS)
    plain = EmailDigest(sha256(b"jane.doe@example.com").hexdigest())
    assert event == Minimised(
        kind=Kind.PURCHASE,
        event_id=event.event_id,
        occurred_at=NOW - 900,
        destinations=ALL,
        consent_at=NOW - 900,
        email=EmailDigests(plain, plain, plain),
        ip=TruncatedIp("203.0.113.0"),
        user_agent=UserAgent("Mozilla/5.0 (X11; Linux x86_64) Chrome/131.0.0.0"),
        page_origin=PageOrigin("https://shop.example"),
        money=Money(12990, "EUR"),
        click=ClickIds(
            gclid=GoogleClickId(CLICKS["gclid"]), fbc=MetaClickId(CLICKS["fbc"]), epik=PinterestClickId(CLICKS["epik"])
        ),
    )
    assert remarks == {
        Remark.EMAIL_HASHED,
        Remark.IP_TRUNCATED,
        Remark.USER_AGENT_KEPT,
        Remark.PAGE_URL_REDUCED_TO_ORIGIN,
        Remark.CLICK_ID_KEPT,
        Remark.CLICK_ID_REMOVED,
        Remark.CONSENT_SIGNALS_REMOVED,
        Remark.REGION_REMOVED,
    }


def test_a_user_agent_that_is_rebuilt_is_told_apart_from_one_that_is_kept() -> None:
    """Where only families may come over, they do, and the trace says so."""
    event, remarks = crossed({META: Needs(user_agent="reduced"), PINTEREST: EVERYTHING})
    assert event.user_agent == reduced_user_agent("Linux Chrome/131")
    assert remarks & USER_AGENT_REMARKS == {Remark.USER_AGENT_REDUCED}


USER_AGENT_REMARKS: Final = {Remark.USER_AGENT_KEPT, Remark.USER_AGENT_REDUCED, Remark.USER_AGENT_REMOVED}


def test_what_nobody_needs_is_not_kept() -> None:
    """With no need for it, no field comes over, whatever was sent, and the trace says that it was not needed."""
    event, remarks = crossed({META: NOTHING}, click=CLICKS)
    assert (event.email, event.ip, event.user_agent, event.page_origin, event.money, event.click) == (None,) * 6
    assert remarks == {
        Remark.EMAIL_NOT_NEEDED,
        Remark.IP_NOT_NEEDED,
        Remark.USER_AGENT_REMOVED,
        Remark.PAGE_URL_NOT_NEEDED,
        Remark.MONEY_NOT_NEEDED,
        Remark.CLICK_ID_REMOVED,
        Remark.CONSENT_SIGNALS_REMOVED,
        Remark.REGION_REMOVED,
    }


def test_what_is_unusable_is_left_out_and_never_makes_an_event_fail() -> None:
    """An address that is none, a private IP, a strange page and a broken click id are left out with a remark."""
    event, remarks = crossed(
        dict.fromkeys(ALL, EVERYTHING),
        customer={"email": "not an address"},
        client={"ip": "10.0.0.1", "user_agent": "jane@example.com"},
        page_url="shop.example",
        click={"gclid": "x"},
    )
    assert (event.email, event.ip, event.user_agent, event.page_origin, event.click) == (None,) * 5
    assert remarks == {
        Remark.EMAIL_UNUSABLE,
        Remark.IP_UNUSABLE,
        Remark.USER_AGENT_REMOVED,
        Remark.PAGE_URL_UNUSABLE,
        Remark.CLICK_ID_UNUSABLE,
        Remark.CONSENT_SIGNALS_REMOVED,
    }


def test_an_event_with_little_in_it_has_few_remarks() -> None:
    """Nothing is remarked upon what was not there; what was dropped and a time set to now are."""
    changes = dict.fromkeys(("page_url", "customer", "client", "click"))
    event, remarks = crossed(dict.fromkeys(ALL, EVERYTHING), event="page_view", order=None, **changes)
    assert remarks == {Remark.CONSENT_SIGNALS_REMOVED}
    assert event.money is None
    _, remarks = crossed(dict.fromkeys(ALL, EVERYTHING), occurred_at=NOW + 5, phone="1", **changes)
    assert remarks == {Remark.CONSENT_SIGNALS_REMOVED, Remark.TIME_SET_TO_NOW, Remark.UNKNOWN_FIELDS_REMOVED}


ORDER: Final = {
    "value": "129.90",
    "currency": "EUR",
    "content_ids": ["SKU-7:blue", "a/b", "jane@example.com", "x" * 65, "", "9"],
}


def test_products_that_have_an_id_come_over_where_they_are_wanted() -> None:
    """What is no id is left out and remarked upon; where nobody wants them none is looked at."""
    event, remarks = crossed({META: NOTHING, PINTEREST: PRODUCTS_AND_PATH}, order=ORDER)
    assert event.content_ids == (ContentId("SKU-7:blue"), ContentId("9"))
    assert remarks & CONTENT_REMARKS == {Remark.CONTENT_IDS_KEPT, Remark.CONTENT_ID_UNUSABLE}
    event, remarks = crossed({META: PRODUCTS_AND_PATH}, order={**ORDER, "content_ids": ["9"]})
    assert remarks & CONTENT_REMARKS == {Remark.CONTENT_IDS_KEPT}
    event, remarks = crossed({META: PRODUCTS_AND_PATH}, order={**ORDER, "content_ids": ["@"]})
    assert (event.content_ids, remarks & CONTENT_REMARKS) == ((), {Remark.CONTENT_ID_UNUSABLE})
    event, remarks = crossed({META: EVERYTHING}, order=ORDER)
    assert (event.content_ids, remarks & CONTENT_REMARKS) == ((), {Remark.CONTENT_IDS_REMOVED})
    _, remarks = crossed({META: PRODUCTS_AND_PATH})
    assert not remarks & CONTENT_REMARKS


CONTENT_REMARKS: Final = {Remark.CONTENT_IDS_KEPT, Remark.CONTENT_IDS_REMOVED, Remark.CONTENT_ID_UNUSABLE}


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("https://shop.example/thanks", "/thanks"),
        ("https://jane@shop.example:8443/a/summer-2026.html?token=x/y#z", "/a/summer-2026.html"),
        ("https://shop.example/a/?x", "/a/"),
        ("https://shop.example/a#/b", "/a"),
        ("https://shop.example", None),
        ("https://shop.example/", None),
        ("https://shop.example?/a", None),
        ("https://shop.example/orders/10432", None),
        ("https://shop.example/a%2Fb", None),
        ("https://shop.example/jane@example.com", None),
        ("https://shop.example/a\\b", None),
        ("shop.example/thanks", None),
    ],
)
def test_a_path_is_what_stands_between_origin_and_query(url: str, path: str | None) -> None:
    """Without user, query and fragment; the root has none, nor has what may say more than which page it is."""
    assert page_path(url) == path
    event, remarks = crossed({META: PRODUCTS_AND_PATH}, page_url=url)
    assert event.page_path == path
    known = event.page_origin is not None
    assert (Remark.PAGE_PATH_KEPT in remarks) is (path is not None)
    assert (Remark.PAGE_PATH_REMOVED in remarks) is (known and path is None)


def test_a_path_never_comes_over_without_being_wanted_or_without_its_origin() -> None:
    """Nobody gets one who may not have the origin, and a page of somebody else's has none."""
    event, remarks = crossed({META: EVERYTHING, PINTEREST: Needs(page_path=True)}, page_url="https://shop.example/thanks")
    assert (event.page_origin, event.page_path) == ("https://shop.example", None)
    assert not remarks & {Remark.PAGE_PATH_KEPT, Remark.PAGE_PATH_REMOVED}
    own = frozenset({"https://other.example"})
    event, _ = minimise(consented(), (META,), wanted({META: PRODUCTS_AND_PATH}), own)
    assert (event.page_origin, event.page_path) == (None, None)


@settings(max_examples=300)
@given(URLS | st.text(max_size=40))
def test_a_path_passes_its_own_check(url: str) -> None:
    """Whatever was offered."""
    path = page_path(url)
    assert path is None or PagePath(path) == path


@pytest.mark.parametrize("state", [None, *UsState])
def test_who_opted_out_is_marked_below_the_boundary(state: UsState | None) -> None:
    """The decision's word comes over as it is."""
    admitted = consented()
    marked = Consented(admitted.raw, msgspec.structs.replace(admitted.decision, restricted=state))
    event, _ = minimise(marked, ALL, wanted(dict.fromkeys(ALL, NOTHING)), NONE)
    assert event.restricted is state


HASHED = {"meta": "1" * 64, "google_ads": "2" * 64}
FOR_GOOGLE = EmailDigests(google_ads=EmailDigest("2" * 64))


@pytest.mark.parametrize(
    ("hashed", "destinations", "expected", "remark"),
    [
        (HASHED, ALL, EmailDigests(EmailDigest("1" * 64), None, EmailDigest("2" * 64)), Remark.EMAIL_DIGEST_PASSED),
        (HASHED, (META,), EmailDigests(EmailDigest("1" * 64)), Remark.EMAIL_DIGEST_PASSED),
        (HASHED, (PINTEREST,), None, Remark.EMAIL_NOT_NEEDED),
        ({"meta": digest("")}, (META,), None, Remark.EMAIL_UNUSABLE),
        ({"meta": digest("")}, (GOOGLE,), None, Remark.EMAIL_NOT_NEEDED),
        ({"meta": digest("undefined")}, (META,), None, Remark.EMAIL_UNUSABLE),
        ({"meta": digest("None")}, (META,), None, Remark.EMAIL_UNUSABLE),
        ({"meta": digest("NULL"), "google_ads": digest("N/A")}, ALL, None, Remark.EMAIL_UNUSABLE),
        ({**HASHED, "meta": digest("")}, (META, GOOGLE), FOR_GOOGLE, Remark.EMAIL_DIGEST_PASSED),
    ],
)  # fmt: skip
def test_a_digest_made_elsewhere_serves_whom_it_was_made_for(
    hashed: dict[str, str], destinations: tuple[Destination, ...], expected: EmailDigests | None, remark: Remark
) -> None:
    """A storefront's own digest goes to the platform it names and no other, and the hash of nothing or of `null` to nobody."""
    event, remarks = crossed(dict.fromkeys(destinations, Needs()), customer={"email_sha256": hashed})
    assert event.email == expected
    assert remark in remarks


def test_a_destination_that_wants_no_email_causes_none() -> None:
    """Digests exist only for the destinations that need one."""
    event, _ = crossed({META: Needs(), PINTEREST: NOTHING, GOOGLE: NOTHING})
    assert event.email is not None
    assert (event.email.pinterest, event.email.google_ads) == (None, None)


@pytest.mark.parametrize(
    ("levels", "level"),
    [(("full", "full"), "full"), (("full", "reduced"), "reduced"), (("none", "full"), "full"), (("none", "none"), "none")],
)
def test_the_most_reduced_user_agent_serves_all(levels: tuple[str, str], level: str) -> None:
    """One user agent serves all destinations, so none gets a fuller one than its own policy allows."""
    assert wanted({d: Needs(user_agent=need) for d, need in zip((META, PINTEREST), levels, strict=True)}).user_agent == level


NEEDS = st.builds(
    Needs,
    email=st.booleans(),
    ip=st.booleans(),
    user_agent=st.sampled_from(["none", "reduced", "full"]),
    page_origin=st.booleans(),
    money=st.booleans(),
    click_ids=st.frozensets(st.sampled_from(["gclid", "gbraid", "wbraid", "fbc", "fbp", "epik"])),
    content_ids=st.booleans(),
    page_path=st.booleans(),
)


@given(st.dictionaries(st.sampled_from(ALL), NEEDS, min_size=1))
def test_a_field_is_there_only_if_somebody_needs_it(needs: dict[Destination, Needs]) -> None:
    """For any mixture of needs, every optional field is kept if some destination needs it, and else is not."""
    event, _ = crossed(needs, click=CLICKS, order=ORDER)
    some = needs.values()
    assert (event.ip is not None) == any(n.ip for n in some)
    assert (event.money is not None) == any(n.money for n in some)
    assert (event.page_origin is not None) == any(n.page_origin for n in some)
    assert (event.page_path is not None) == any(n.page_origin and n.page_path for n in some)
    assert bool(event.content_ids) == any(n.content_ids for n in some)
    assert (event.user_agent is not None) == any(n.user_agent != "none" for n in some)
    digests = event.email or EmailDigests()
    assert {d for d in ALL if getattr(digests, d.value)} == {d for d, need in needs.items() if need.email}
    kept = {name for name in ClickIds.__struct_fields__ if event.click and getattr(event.click, name)}
    assert kept == CLICKS.keys() & frozenset[str]().union(*(n.click_ids for n in some))


CANARY: Final = "c4n4ry"
PLACES: Final[dict[str, dict[str, Any]]] = {
    "local part": {"customer": {"email": f"{CANARY}@example.com"}},
    "domain": {"customer": {"email": f"jane@{CANARY}.com"}},
    "broken address": {"customer": {"email": CANARY}},
    "ip": {"client": {"ip": CANARY}},
    "zone": {"client": {"ip": f"2001:db8::1%{CANARY}"}},
    "country": {"client": {"country": CANARY, "region": CANARY}},
    "user agent": {"client": {"user_agent": f"Windows Chrome/131 {CANARY}"}},
    "path": {"page_url": f"https://{CANARY}@shop.example/{CANARY}?{CANARY}#{CANARY}"},
    "content id": {"order": {"value": "1", "currency": "EUR", "content_ids": [f"{CANARY}@example.com", f"{CANARY} a"]}},
    "click id": {"click": {"fbp": CANARY, "wbraid": CANARY * 3}},
    "undeclared": {CANARY: CANARY, "phone": CANARY},
    "consent": {"consent": {"advertising": True, "banner_version": CANARY, "receipt": CANARY, "join": {"order_id": CANARY}}},
}


@pytest.mark.parametrize("place", PLACES)
def test_nothing_undeclared_crosses_the_boundary(place: str) -> None:
    """A marker in any place but those that policy names is in no byte of what comes over, nor in its remarks."""
    needs = Needs(
        ip=True,
        user_agent="reduced",
        page_origin=True,
        click_ids=frozenset({"gclid", "fbp"}),
        content_ids=True,
        page_path=True,
    )
    event, remarks = crossed(dict.fromkeys(ALL, needs), **PLACES[place])
    assert CANARY.encode() not in msgspec.json.encode(event, enc_hook=str)
    assert CANARY not in repr((event, remarks))
