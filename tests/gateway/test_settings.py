import json
import os
import re
from ipaddress import ip_network
from pathlib import Path
from typing import Final

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.adapter import Quota
from gateway.delivery.grants import read_credential
from gateway.keys import KeyId, KeyKind, StoredKey, make_key
from gateway.model.texts import StorefrontId
from gateway.model.words import Destination, Source
from gateway.rights.retention import Period
from gateway.sandbox.google_token import AUDIENCE, TokenService
from gateway.secret import Document, Secret
from gateway.settings import (
    Address,
    BadSettings,
    PlainSettings,
    PlainStorefront,
    RetentionSettings,
    Shop,
    load,
    load_plain,
    names,
    prove,
)
from gateway.settings.faults import rule_of
from gateway.settings.reading import MOST_BYTES
from gateway.sources import prestashop, woocommerce
from gateway.sources.shopify import CHANNELS, Rules, Topic
from tests.configuration import ENV, GOOD, faults_of, load_text, spoilt, write

META = "storefronts.demo.destinations.meta"


def test_the_least_configuration_loads_with_every_default(tmp_path: Path) -> None:
    """What is left out has its default, and relative paths begin at the file's folder."""
    loaded = load_text(tmp_path, GOOD)
    assert loaded.server.public == Address("0.0.0.0", 8080)  # noqa: S104 - the default is compared, nothing listens
    assert loaded.server.private == Address("127.0.0.1", 8081)
    assert loaded.server.data_dir == tmp_path / "data"
    assert loaded.outbox.max_bytes == 2 * 2**30
    assert loaded.delivery.pace.linger_seconds == 0.2
    demo = loaded.storefronts[StorefrontId("demo")]
    assert demo.consent.policy.max_age == 183 * 86_400
    assert demo.origins == {"https://shop.example"}
    assert demo.destinations[Destination.META].destination is Destination.META
    assert demo.base_urls == {Destination.META: "https://graph.facebook.com"}
    assert demo.logins[Destination.META].credential.value == Secret("token-of-meta")
    assert demo.test_endpoints == frozenset()


def test_values_are_read_into_their_own_types(tmp_path: Path) -> None:
    """Addresses, networks and sizes are what they say, not text."""
    server = '[server]\npublic = "[::1]:0"\nprivate = "localhost:9"\ntrusted_proxies = ["10.0.0.0/8", "fd00::/8"]'
    loaded = load_text(tmp_path, spoilt("[server]", server) + '[outbox]\nmax_bytes = "512 MiB"')
    assert loaded.server.public == Address("::1", 0)
    assert loaded.server.private == Address("localhost", 9)
    assert loaded.server.trusted_proxies == (ip_network("10.0.0.0/8"), ip_network("fd00::/8"))
    assert loaded.outbox.max_bytes == 512 * 2**20


@pytest.mark.parametrize("minutes", [0, 5, 1440])
def test_destinations_are_tried_out_as_often_as_is_said(tmp_path: Path, minutes: int) -> None:
    """From every five minutes to once a day, or not at all; not at all by default, since the platforms are asked."""
    assert load_text(tmp_path, GOOD).delivery.canary_minutes == 0
    assert load_text(tmp_path, f"{GOOD}[delivery]\ncanary_minutes = {minutes}").delivery.canary_minutes == minutes


@pytest.mark.parametrize("wrong", ["4", "1441", "-5", "true", "7.5", '"60"'])
def test_destinations_are_not_tried_out_without_end(tmp_path: Path, wrong: str) -> None:
    """A platform is asked no more often than every five minutes."""
    fault = "delivery.canary_minutes: must be 0 (off) or a number of minutes from 5 to 1440"
    assert faults_of(tmp_path, f"{GOOD}[delivery]\ncanary_minutes = {wrong}") == (fault,)


ORIGINS: Final = 'origins = ["https://shop.example"]'


def with_ids(ids: str) -> str:
    """Give the least configuration with these measurement ids."""
    return spoilt(ORIGINS, f"{ORIGINS}\nmeasurement_ids = {ids}")


def test_measurement_ids_are_read(tmp_path: Path) -> None:
    """As many as a storefront has; none by default."""
    demo = StorefrontId("demo")
    assert load_text(tmp_path, GOOD).storefronts[demo].measurement_ids == frozenset()
    ids = load_text(tmp_path, with_ids('["G-ABCD1234", "GT-XY12345"]')).storefronts[demo].measurement_ids
    assert ids == {"G-ABCD1234", "GT-XY12345"}


@pytest.mark.parametrize("wrong", ["g-abcd1234", "G-", "UA-1234-5", "AW-123456789", "G-ABCD1234\\n", "G-ABC&tid=1"])
def test_a_measurement_id_is_one(tmp_path: Path, wrong: str) -> None:
    """Of the tag's own form; what stands there is not told."""
    (fault,) = faults_of(tmp_path, with_ids(f'["{wrong}"]'))
    assert fault.startswith("storefronts.demo.measurement_ids[0]: must match ^GT?-")


def test_a_measurement_id_is_one_storefronts_alone(tmp_path: Path) -> None:
    """By it alone a tag is told whose it is."""
    fault = "measurement_ids: names an id twice, or one that another storefront has"
    assert faults_of(tmp_path, with_ids('["G-ABCD1234", "G-ABCD1234"]')) == (f"storefronts.demo.{fault}",)
    one = with_ids('["G-ABCD1234"]')
    shop = one[one.index("[storefronts.demo]") :]
    other = shop.replace("storefronts.demo", "storefronts.other").replace('id = "', 'id = "o')
    assert f"storefronts.other.{fault}" in faults_of(tmp_path, one + other)


def test_the_data_tag_is_off_until_it_is_asked_for(tmp_path: Path) -> None:
    """Origins alone let nobody in."""
    demo = StorefrontId("demo")
    assert load_text(tmp_path, GOOD).storefronts[demo].data_tag is False
    assert load_text(tmp_path, spoilt(ORIGINS, f"{ORIGINS}\ndata_tag = true")).storefronts[demo].data_tag is True


def test_pages_with_the_data_tag_are_one_storefronts_alone(tmp_path: Path) -> None:
    """By their origin alone the tag is told whose it is."""
    assert faults_of(tmp_path, spoilt(ORIGINS, "data_tag = true")) == (
        "storefronts.demo.data_tag: needs the shop's origins, by which its pages are known",
    )
    one = spoilt(ORIGINS, f"{ORIGINS}\ndata_tag = true")
    other = one[one.index("[storefronts.demo]") :].replace("storefronts.demo", "storefronts.other").replace('id = "', 'id = "o')
    fault = "storefronts.other.data_tag: cannot be on for two storefronts that have the same origin"
    assert fault in faults_of(tmp_path, one + other)


def test_all_faults_are_told_at_once(tmp_path: Path) -> None:
    """Every room of the file, the adapters' own and what lies outside the file are complained about in one go."""
    text = """
        [server]
        public = "nowhere"
        data_dir = "data"
        colour = "red"
        [outbox]
        max_bytes = 7
        [delivery]
        linger_seconds = "soon"
        [storefronts.demo]
        origins = ["https://shop.example/path"]
        [storefronts.demo.consent]
        max_age_days = 396
        [[storefronts.demo.keys]]
        id = "a1"
        kind = "master"
        hash = "x"
        [storefronts.demo.destinations.meta]
        credential = "env:MISSING"
        base_url = "https://elsewhere.example"
        pixel_id = "pixel"
        [storefronts.demo.destinations.tiktok]
        [surprise]
    """
    assert faults_of(tmp_path, text) == (
        "surprise: is not a setting",
        "server.public: must be an address and a port, such as 127.0.0.1:8081 or [::1]:8081",
        "server.key_file: is missing",
        "server.colour: is not a setting",
        "outbox.max_bytes: must be a size in text, such as 512MiB or 2GiB",
        "delivery.linger_seconds: must be a number",
        "storefronts.demo.origins[0]: must be an origin in lower case, such as https://shop.example, without a path",
        "storefronts.demo.consent.max_age_days: must be at most 395",
        "storefronts.demo.keys[0].kind: must be 'secret' or 'publishable'",
        "storefronts.demo.keys[0].hash: must be 64 lower-case hex digits, never the key itself",
        "storefronts.demo.destinations.tiktok: is not a destination; there are meta, pinterest, google_ads",
        f"{META}.pixel_id: must be the pixel's (dataset's) id, digits only",
        f"{META}.base_url: is not the platform's own host; that needs server.allow_test_endpoints = true",
        f"{META}.credential: refers to an environment variable that is not set or empty",
    )


REFERRING = """
[console.oidc]
issuer = "https://idp.example"
client_id = ""
client_secret = "pasted-4"
public_url = "https://gateway.example"
roles = { staff = "operator" }

[[console.people]]
name = "ann"
roles = ["chief"]
password = "pasted-5"

[[console.tokens]]
id = "ci"
roles = ["chief"]
key = "pasted-6"

[[storefronts.demo.keys]]
id = "n1"
kind = "private"
key = "pasted-7"

[storefronts.demo.shopify]
shop_domain = "shop.example"
secrets = ["pasted-8", "env:NOWHERE"]
"""


def test_a_reference_is_followed_in_a_table_with_other_faults(tmp_path: Path) -> None:
    """A secret where a reference belongs is told at once, and not after everything else is mended; and nothing twice."""
    found = faults_of(tmp_path, GOOD + REFERRING)
    never = "must be a reference, env:NAME or file:path, never the secret itself"
    assert [fault for fault in found if fault.endswith(never)] == [
        f"console.tokens[0].key: {never}",
        f"console.oidc.client_secret: {never}",
        f"storefronts.demo.keys[1].key: {never}",
        f"storefronts.demo.shopify.secrets[0]: {never}",
    ]
    assert "storefronts.demo.shopify.secrets[1]: refers to an environment variable that is not set or empty" in found
    assert any(fault.startswith("console.people[0].password: must be") for fault in found)
    assert [fault for fault in found if "needs at least" in fault] == []
    assert "pasted" not in "".join(found)


def test_the_text_of_the_error_is_one_fault_a_line(tmp_path: Path) -> None:
    """Whoever prints the error prints all of it."""
    with pytest.raises(BadSettings) as caught:
        load_text(tmp_path, "[outbox]\nmax_bytes = 7\n[server]")
    assert str(caught.value).splitlines() == list(caught.value.faults)
    assert len(caught.value.faults) == 4


EDGE: Final = '"data"\ntrusted_proxies = ["10.0.0.0/8"]\n'
ORIGIN: Final = 'origins = ["https://shop.example"]'
HOLD: Final = "storefronts.demo.consent.hold_unmatched_minutes"


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ('"data"', '"data"\npublic = "1.2.3.4:70000"', "server.public: must be an address and a port"),
        ('"data"', '"data"\npublic = "1.2.3:80"', "server.public: must be an address and a port"),
        ('"data"', '"data"\npublic = "127.0.0.1"', "server.public: must be an address and a port"),
        ('"data"', '"data"\ntrusted_proxies = ["10.0.0"]', "server.trusted_proxies[0]: must be a network such as 10.0.0.0/8"),
        (ORIGIN, 'origins = ["shop.example"]', "storefronts.demo.origins[0]: must be an origin in lower case"),
        ('"data"', '"data"\nprivate = "0.0.0.0:8080"', "server.private: must differ from server.public"),
        ('"data"', '"data"\ntrusted_proxies = ["0.0.0.0/0"]', "server.trusted_proxies[0]: must not trust the whole internet"),
        ('"data"', '"data"\ntrusted_proxies = ["10.0.0.1/8"]', "server.trusted_proxies[0]: must be a network"),
        ('"data"', '"data"\ntrusted_proxies = "10.0.0.0/8"', "server.trusted_proxies: must be a list"),
        ('"data"', '"data"\ncountry_header = "CF-IPCountry"', "server.country_header: needs server.trusted_proxies"),
        ('"data"', '"data"\nregion_header = "CF-Region-Code"', "server.region_header: needs server.trusted_proxies"),
        ('"data"', f'{EDGE}region_header = "X-Region"', "server.region_header: needs server.country_header"),
        ('"data"', f'{EDGE}country_header = "CF IPCountry"', "server.country_header: must be the name of a header"),
        ('"data"', f'{EDGE}country_header = ""', "server.country_header: must be the name of a header"),
        ('"data"', f"{EDGE}country_header = 7", "server.country_header: must be the name of a header"),
        ('"data"', f'{EDGE}country_header = "X-Forwarded-For"', "server.country_header: must be the name of a header"),
        ('"data"', f'{EDGE}country_header = "user-agent"', "server.country_header: must be the name of a header"),
        (ORIGIN, f"{ORIGIN}\n[storefronts.demo.consent]\nhold_unmatched_minutes = 31", f"{HOLD}: must be at most 30"),
        (ORIGIN, f"{ORIGIN}\n[storefronts.demo.consent]\nhold_unmatched_minutes = -1", f"{HOLD}: must be at least 0"),
        (ORIGIN, f"{ORIGIN}\n[storefronts.demo.consent]\nhold_unmatched_minutes = 0.5", f"{HOLD}: must be a whole number"),
        ('"data"', '"data"\nallow_test_endpoints = "yes"', "server.allow_test_endpoints: must be true or false"),
        ('"data"', '"data"\nallow_test_endpoints = 1', "server.allow_test_endpoints: must be true or false"),
        ('"data"', '"data"\nmax_connections = "9"', "server.max_connections: must be a whole number"),
        ('"data"', '"data"\nmax_connections = 0', "server.max_connections: must be at least 1"),
        ('"data"', '"data"\nbody_seconds = nan', "server.body_seconds: must be a finite number"),
        ('"data"', '"data"\nbody_seconds = 0', "server.body_seconds: must be more than 0"),
        ('"data"', '""', "server.data_dir: must be a path"),
        ('"keys.json"', '"data/keys.json"', "server.key_file: must lie outside server.data_dir"),
        ('"keys.json"', '"x/../data/./keys.json"', "server.key_file: must lie outside server.data_dir"),
        ("storefronts.demo]\n", "storefronts.demo]\nburst = 1.5\n", "storefronts.demo.burst: must be a whole number"),
        ("https://shop.example", "https://shop.example:443", "storefronts.demo.origins[0]: must leave the default port out"),
        ("https://shop.example", "https://Shop.example", "storefronts.demo.origins[0]: must be an origin in lower case"),
        ("https://shop.example", "*", "storefronts.demo.origins[0]: must be an origin in lower case"),
        ("https://shop.example", "null", "storefronts.demo.origins[0]: must be an origin in lower case"),
        ('id = "a1"', 'id = "A-1"', "storefronts.demo.keys[0].id: must be 1 to 20 of a-z 0-9"),
        ("storefronts.demo.destinations.meta", "storefronts.demo.destinations.Meta", f"{META[:-4]}Meta: is not a"),
        ('credential = "env:META"', "", f"{META}.credential: is missing"),
        ('"env:META"', '"token-of-meta"', f"{META}.credential: must be a reference"),
        ('"env:META"', "5", f"{META}.credential: must be text"),
    ],
)  # fmt: skip
def test_a_value_out_of_its_range_is_a_fault(tmp_path: Path, old: str, new: str, fault: str) -> None:
    """Each rule has a fault that names its place."""
    assert [found for found in faults_of(tmp_path, spoilt(old, new)) if found.startswith(fault)], fault


def test_a_missing_part_is_a_fault(tmp_path: Path) -> None:
    """A gateway without a storefront, and a storefront without keys or destinations, would do nothing in silence."""
    assert "storefronts: needs at least one storefront, as a table [storefronts.NAME]" in faults_of(tmp_path, "[server]")
    faults = faults_of(tmp_path, "[server]\ndata_dir='d'\nkey_file='k'\n[storefronts.demo]")
    assert [fault.partition(" ")[0] for fault in faults] == ["storefronts.demo.keys:", "storefronts.demo.destinations:"]


@pytest.mark.parametrize("table", ["server", "outbox", "delivery", "storefronts"])
def test_a_value_where_a_table_belongs_is_a_fault(tmp_path: Path, table: str) -> None:
    """`server = 3` is told as such."""
    assert any(fault.startswith(f"{table}: ") for fault in faults_of(tmp_path, f"{table} = 3"))


def test_a_value_where_a_storefront_or_its_parts_belong_is_a_fault(tmp_path: Path) -> None:
    """Wrong shapes deep in the file are faults, not crashes."""
    assert faults_of(tmp_path, "[storefronts]\ndemo = 3")[-1] == "storefronts.demo: must be a table"
    wrong = "[storefronts.demo]\nconsent = 1\nkeys = 2\ndestinations = 3"
    places = {fault.partition(":")[0] for fault in faults_of(tmp_path, wrong)}
    assert places >= {"storefronts.demo.consent", "storefronts.demo.keys", "storefronts.demo.destinations"}
    assert faults_of(tmp_path, spoilt(f"[{META}]", f"[{META}.events]"))[0].startswith(META)


# ── without secrets ──────────────────────────────────────────────────────────────────────────────────────────────

REFERRED: Final = (
    GOOD.replace('hash = "' + "a" * 64 + '"', 'key = "env:NO"')
    + """app_secret = "file:nowhere"
[storefronts.demo.shopify]
shop_domain = "a.myshopify.com"
secrets = ["env:NO"]
[[console.people]]
name = "Ada"
roles = ["operator"]
password = "file:nowhere"
[[console.tokens]]
id = "t1"
roles = ["operator"]
key = "env:NO"
[console.oidc]
issuer = "https://idp.example"
client_id = "gateway"
client_secret = "file:nowhere"
public_url = "https://console.example"
roles = { staff = "marketer" }
"""
)
"""A configuration with a reference wherever there can be one, each of which leads nowhere."""


def test_who_needs_no_secret_reads_everything_else(tmp_path: Path) -> None:
    """Neither a variable nor a file behind a reference is looked for; all that is not secret is as a gateway has it."""
    assert len(faults_of(tmp_path, REFERRED, {})) == 7
    plain = load_plain(write(tmp_path, REFERRED))
    whole = load_text(tmp_path, GOOD + 'app_secret = "env:META"')
    ours, theirs = (loaded.storefronts[StorefrontId("demo")] for loaded in (plain, whole))
    assert [type(plain), type(ours)] == [PlainSettings, PlainStorefront]
    assert (plain.server, plain.retention, ours.consent) == (whole.server, whole.retention, theirs.consent)
    assert ours.secrets == theirs.secrets == {Destination.META: ("app_secret",)}
    assert (list(ours.contracts), ours.credentials) == ([Destination.META], {Destination.META: "env:META"})
    assert not {"keys", "logins", "shops", "console"} & {*dir(plain), *dir(ours)}


def test_a_fault_that_is_seen_without_secrets_is_told(tmp_path: Path) -> None:
    """All of them at once, among them what is no reference at all."""
    text = REFERRED.replace("env:META", "EAAB-pasted").replace("file:nowhere", "pasted").replace("[server]", "[server]\nx = 1")
    with pytest.raises(BadSettings) as bad:
        load_plain(write(tmp_path, text))
    places = [fault.partition(":")[0] for fault in bad.value.faults]
    told = ["server.x", "console.people[0].password", "console.oidc.client_secret", f"{META}.credential", f"{META}.app_secret"]
    assert places == told
    assert "pasted" not in str(bad.value)


# ── endpoints ────────────────────────────────────────────────────────────────────────────────────────────────────


def with_url(url: str, allow: str = "false") -> str:
    """Give a configuration whose Meta events go to `url`."""
    text = spoilt('"data"', f'"data"\nallow_test_endpoints = {allow}')
    return text.replace("pixel_id", f'base_url = "{url}"\npixel_id')


@pytest.mark.parametrize("allow", ["true", "false"])
@pytest.mark.parametrize("url", ["http://graph.facebook.com", "https://graph.facebook.com:8443"])
def test_the_platforms_own_host_is_reached_over_tls_only(tmp_path: Path, url: str, allow: str) -> None:
    """No setting sends events to a real platform in clear text or to a port that is not the platform's."""
    assert faults_of(tmp_path, with_url(url, allow)) == (f"{META}.base_url: must be https on the platform's own port",)


@pytest.mark.parametrize("url", ["https://evil.example", "http://127.0.0.1:8091", "https://graph.facebook.com.evil.example"])
def test_another_host_needs_a_declared_test_installation(tmp_path: Path, url: str) -> None:
    """An override to another host is refused unless test endpoints are allowed."""
    assert "needs server.allow_test_endpoints = true" in faults_of(tmp_path, with_url(url))[0]


@pytest.mark.parametrize("url", ["http://127.0.0.1:8091", "http://localhost:1", "http://[::1]:5", "https://stand-in.example"])
def test_allowed_test_endpoints_are_marked_as_such(tmp_path: Path, url: str) -> None:
    """Where test endpoints are allowed, the storefront knows which destinations use one."""
    demo = load_text(tmp_path, with_url(url, "true")).storefronts[StorefrontId("demo")]
    assert demo.test_endpoints == {Destination.META}
    assert demo.base_urls[Destination.META] == url


def test_clear_text_leaves_loopback_under_no_setting(tmp_path: Path) -> None:
    """A test endpoint elsewhere is https or a fault."""
    assert "only a test endpoint on loopback may be http" in faults_of(tmp_path, with_url("http://10.0.0.5:80", "true"))[0]


def test_the_platforms_own_address_is_no_test_endpoint(tmp_path: Path) -> None:
    """With its port or without."""
    for url in ("https://graph.facebook.com", "https://graph.facebook.com:443"):
        assert load_text(tmp_path, with_url(url)).storefronts[StorefrontId("demo")].test_endpoints == frozenset()


# ── Google's key documents ───────────────────────────────────────────────────────────────────────────────────────

GOOGLE = "storefronts.demo.destinations.google_ads"
SERVICE: Final = TokenService()
DOCUMENTS: Final = (SERVICE.make_account(), SERVICE.make_user())


ELSEWHERE: Final = "is not the platform's own host; that needs server.allow_test_endpoints"


def with_google(*lines: str, allow: str = "false") -> str:
    """Give a configuration with Google's block and these further lines in it."""
    text = spoilt('"data"', f'"data"\nallow_test_endpoints = {allow}')
    block = [f"[{GOOGLE}]", 'operating_account = "1234567890"', 'conversion_actions = { purchase = "11" }', *lines]
    return text + "\n".join(block)


@pytest.mark.parametrize("document", DOCUMENTS)
def test_google_takes_a_key_document_from_a_file_or_a_variable(tmp_path: Path, document: str) -> None:
    """Both of Google's formats; a token in one line still is one."""
    (tmp_path / "google.json").write_text(document)
    (tmp_path / "google.json").chmod(0o600)
    env = {**ENV, "GOOGLE": document, "PLAIN": "ya29.x"}
    for reference in ("file:google.json", "env:GOOGLE"):
        demo = load_text(tmp_path, with_google(f'credential = "{reference}"'), env).storefronts[StorefrontId("demo")]
        assert demo.logins[Destination.GOOGLE_ADS].credential.value == read_credential(Document(document), AUDIENCE)
        assert demo.test_endpoints == frozenset()
    demo = load_text(tmp_path, with_google('credential = "env:PLAIN"'), env).storefronts[StorefrontId("demo")]
    assert demo.logins[Destination.GOOGLE_ADS].credential.value == Secret("ya29.x")


def test_other_platforms_take_no_key_document(tmp_path: Path) -> None:
    """What they would be sent as a token is a secret of Google's."""
    for document in DOCUMENTS:
        assert faults_of(tmp_path, GOOD, {"META": document}) == (
            f"{META}.credential: refers to a key document, and this platform takes a token",
        )


def test_every_fault_of_a_document_is_told_beside_the_others(tmp_path: Path) -> None:
    """Each by place and rule, though the block itself has a fault too, and never by what stands there."""
    spoilt_document = json.dumps(
        json.loads(DOCUMENTS[0]) | {"token_uri": f"https://{CANARY}", "private_key": CANARY, "client_email": ""}
    )
    text = with_google('credential = "env:GOOGLE"', "batch_events = 0")
    assert faults_of(tmp_path, text, {**ENV, "GOOGLE": spoilt_document}) == (
        f"{GOOGLE}.batch_events: must be at least 1",
        f"{GOOGLE}.credential: the key document's token_uri must be https://oauth2.googleapis.com/token",
        f"{GOOGLE}.credential: the key document's client_email is missing",
        f"{GOOGLE}.credential: the key document's private_key must be an RSA key in PEM, not encrypted",
    )


def test_a_document_that_others_may_read_is_a_fault(tmp_path: Path) -> None:
    """The rules for files hold for documents too."""
    (tmp_path / "google.json").write_text(DOCUMENTS[0])
    (tmp_path / "google.json").chmod(0o644)
    assert faults_of(tmp_path, with_google('credential = "file:google.json"')) == (
        f"{GOOGLE}.credential: refers to a file that others may read; its mode must be 0600 or 0400",
    )


@pytest.mark.parametrize(
    ("url", "allow", "fault"),
    [
        (
            "https://evil.example/token",
            "false",
            "is not the platform's own host; that needs server.allow_test_endpoints = true",
        ),
        ("http://127.0.0.1:9/token", "false", "is not the platform's own host; that needs server.allow_test_endpoints = true"),
        ("http://10.0.0.5/token", "true", "must be https: only a test endpoint on loopback may be http"),
        ("http://oauth2.googleapis.com/token", "true", "must be https on the platform's own port"),
        ("https://oauth2.googleapis.com/other", "true", "must be https on the platform's own port"),
        ("https://user@evil.example/token", "true", "must be an address such as https://api.example/token"),
        ("https://evil.example/token?x=1", "true", "must be an address such as https://api.example/token"),
    ],
)
def test_tokens_come_from_the_platform_unless_tests_are_allowed(tmp_path: Path, url: str, allow: str, fault: str) -> None:
    """The same rules as for the address that events go to: a key document is worth more than they are."""
    text = with_google('credential = "env:META"', f'token_url = "{url}"', allow=allow)
    assert f"{GOOGLE}.token_url: {fault}" in faults_of(tmp_path, text)


def test_another_token_endpoint_is_shown_as_a_test(tmp_path: Path) -> None:
    """Though the events go to the platform itself."""
    text = with_google('credential = "env:META"', 'token_url = "http://127.0.0.1:9/token"', allow="true")
    demo = load_text(tmp_path, text).storefronts[StorefrontId("demo")]
    assert demo.test_endpoints == {Destination.GOOGLE_ADS}
    endpoint = demo.destinations[Destination.GOOGLE_ADS].token_endpoint
    assert endpoint is not None
    assert (endpoint.url, endpoint.audience) == ("http://127.0.0.1:9/token", AUDIENCE)


# ── keys ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def key_block(kind: str, key_id: str, held: str) -> str:
    """Write one key's table."""
    return f'[[storefronts.demo.keys]]\nid = "{key_id}"\nkind = "{kind}"\n{held}\n'


HASH = f'hash = "{"b" * 64}"'


def test_a_quota_is_the_platforms_unless_the_settings_say_another(tmp_path: Path) -> None:
    """Each limit for itself."""
    meta = Destination.META
    shop = load_text(tmp_path, GOOD).storefronts[StorefrontId("demo")]
    assert shop.quotas == {meta: Quota(3000, None)}
    assert shop.credentials == {meta: "env:META"}
    told = load_text(tmp_path, GOOD + "requests_per_day = 9\n").storefronts[StorefrontId("demo")]
    assert told.quotas == {meta: Quota(3000, 9)}
    told = load_text(tmp_path, GOOD + "requests_per_minute = 7\n").storefronts[StorefrontId("demo")]
    assert told.quotas == {meta: Quota(7, None)}


@pytest.mark.parametrize("name", ["requests_per_minute", "requests_per_day"])
def test_a_quota_of_nothing_is_a_fault(tmp_path: Path, name: str) -> None:
    """A lane that may send nothing is a block to be left out."""
    assert faults_of(tmp_path, GOOD + f"{name} = 0\n") == (f"storefronts.demo.destinations.meta.{name}: must be at least 1",)


def test_two_keys_of_a_kind_may_be_active_and_no_third(tmp_path: Path) -> None:
    """An old key and its successor, of either kind."""
    more = key_block("secret", "a2", HASH) + key_block("publishable", "a1", HASH) + key_block("publishable", "a2", HASH)
    assert len(load_text(tmp_path, GOOD + more).storefronts[StorefrontId("demo")].keys) == 4
    faults = faults_of(tmp_path, GOOD + more + key_block("secret", "a3", HASH))
    assert faults == ("storefronts.demo.keys: takes at most two secret keys, an old one and its successor",)


def test_a_key_id_is_unique_in_the_whole_file(tmp_path: Path) -> None:
    """The same id twice for one kind is a fault, in another storefront as well."""
    other = GOOD[GOOD.index("[storefronts.demo]") :].replace("demo", "other")
    assert faults_of(tmp_path, GOOD + other) == (
        "storefronts.other.keys[0].id: is the id of another key of this kind; ids are unique in the whole file",
    )


@pytest.mark.parametrize("held", ["", f'{HASH}\nkey = "env:KEY"'])
def test_a_key_is_held_in_exactly_one_way(tmp_path: Path, held: str) -> None:
    """Either its hash or a reference to it."""
    faults = faults_of(tmp_path, GOOD + key_block("publishable", "p1", held))
    assert faults == ("storefronts.demo.keys[1]: needs either hash or key",)


def test_a_key_can_be_referred_to(tmp_path: Path) -> None:
    """The referenced text must be a whole key of that kind and id; it is held as a secret."""
    key = make_key(KeyKind.PUBLISHABLE, KeyId("p1"))
    env = {"META": "token-of-meta", "KEY": key}
    block = key_block("publishable", "p1", 'key = "env:KEY"')
    held = load_text(tmp_path, GOOD + block, env).storefronts[StorefrontId("demo")].keys[1]
    assert held == StoredKey(KeyId("p1"), KeyKind.PUBLISHABLE, Secret(key))
    for wrong in (block.replace("publishable", "secret"), block.replace("p1", "p2")):
        (fault,) = faults_of(tmp_path, GOOD + wrong, env)
        assert fault == "storefronts.demo.keys[1].key: refers to something that is not a key of this kind and id"


# ── Shopify ──────────────────────────────────────────────────────────────────────────────────────────────────────

SHOPIFY: Final = """
[storefronts.demo.shopify]
shop_domain = "demo.myshopify.com"
secrets = ["env:META"]
"""


def test_a_storefront_may_be_a_shop_at_shopify(tmp_path: Path) -> None:
    """Its secrets are followed; which orders count has defaults, and without the block there is no shop."""
    shop = load_text(tmp_path, GOOD + SHOPIFY).storefronts[StorefrontId("demo")].shops[Source.SHOPIFY]
    assert shop == Shop(("demo.myshopify.com",), (Secret(ENV["META"]),), Rules(Topic.ORDERS_PAID, frozenset({"web"})))
    more = f'{SHOPIFY}orders = "orders/create"\nsource_names = ["web", "1234567"]'
    chosen = load_text(tmp_path, GOOD + more).storefronts[StorefrontId("demo")].shops[Source.SHOPIFY]
    assert chosen.orders == Rules(Topic.ORDERS_CREATE, frozenset({"web", "1234567"}))
    assert load_text(tmp_path, GOOD).storefronts[StorefrontId("demo")].shops == {}


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ("demo.myshopify.com", "shop.example", "shop_domain: must match"),
        ("demo.myshopify.com", "Demo.myshopify.com", "shop_domain: must match"),
        ('["env:META"]', "[]", "secrets: needs at least 1"),
        ('["env:META"]', '["env:META", "env:META", "env:META"]', "secrets: takes at most 2"),
        ('"env:META"', '"shpss_x"', "secrets[0]: must be a reference"),
        ('"env:META"', '"env:META", "env:MISSING"', "secrets[1]: refers to an environment variable"),
    ],
)
def test_a_shop_that_does_not_fit_is_a_fault(tmp_path: Path, old: str, new: str, fault: str) -> None:
    """Place and rule, never the value."""
    (told,) = faults_of(tmp_path, GOOD + SHOPIFY.replace(old, new))
    assert told.startswith(f"storefronts.demo.shopify.{fault}")
    assert "shpss_x" not in told


@pytest.mark.parametrize("name", CHANNELS)
def test_a_channel_on_which_nobody_is_asked_cannot_be_named(tmp_path: Path, name: str) -> None:
    """A till, a draft, a subscription."""
    (told,) = faults_of(tmp_path, GOOD + f'{SHOPIFY}source_names = ["web", "{name}"]')
    assert told.startswith("storefronts.demo.shopify.source_names: must not name")


def test_a_topic_that_tells_of_no_orders_cannot_be_chosen(tmp_path: Path) -> None:
    """One of two."""
    (told,) = faults_of(tmp_path, GOOD + f'{SHOPIFY}orders = "refunds/create"')
    assert told == "storefronts.demo.shopify.orders: must be 'orders/paid' or 'orders/create'"


def test_a_refund_does_nothing_or_withholds(tmp_path: Path) -> None:
    """Nothing by default, on either platform; and nothing else can be chosen."""
    for block, platform in ((SHOPIFY, Source.SHOPIFY), (WOOCOMMERCE, Source.WOOCOMMERCE)):
        for said, refunds in (("", "ignore"), ('refunds = "withhold"', "withhold")):
            shop = load_text(tmp_path, f"{GOOD}{block}{said}").storefronts[StorefrontId("demo")].shops[platform]
            assert getattr(shop.orders, "refunds", None) == refunds
    (told,) = faults_of(tmp_path, GOOD + f'{SHOPIFY}refunds = "send"')
    assert told == "storefronts.demo.shopify.refunds: must be 'ignore' or 'withhold'"


def test_two_storefronts_are_never_the_same_shop(tmp_path: Path) -> None:
    """A webhook names the shop and nothing else."""
    other = GOOD[GOOD.index("[storefronts.demo]") :].replace("demo", "other").replace('id = "a1"', 'id = "b1"')
    (told,) = faults_of(tmp_path, GOOD + SHOPIFY + other + SHOPIFY.replace("demo.shopify", "other.shopify"))
    assert told.startswith("storefronts.other.shopify.shop_domain: is the shop of another storefront")


# ── WooCommerce and PrestaShop ───────────────────────────────────────────────────────────────────────────────────

WOOCOMMERCE: Final = """
[storefronts.demo.woocommerce]
shop_urls = ["https://shop.example"]
secrets = ["env:META"]
"""
PRESTASHOP: Final = WOOCOMMERCE.replace("woocommerce", "prestashop")


def test_a_storefront_may_be_a_shop_on_several_platforms(tmp_path: Path) -> None:
    """Each with defaults of its own; one address may be a shop of each platform."""
    shops = load_text(tmp_path, GOOD + WOOCOMMERCE + PRESTASHOP).storefronts[StorefrontId("demo")].shops
    secrets = (Secret(ENV["META"]),)
    assert shops == {
        Source.WOOCOMMERCE: Shop(("https://shop.example",), secrets, woocommerce.Rules()),
        Source.PRESTASHOP: Shop(("https://shop.example",), secrets, prestashop.Rules()),
    }


@pytest.mark.parametrize(
    ("block", "more", "fault"),
    [
        (WOOCOMMERCE, 'statuses = ["processing", "refunded"]', "woocommerce.statuses: must not name"),
        (WOOCOMMERCE, 'created_via = ["checkout", "admin"]', "woocommerce.created_via: must not name"),
        (WOOCOMMERCE, 'event_id = "key"', "woocommerce.event_id: must be"),
        (PRESTASHOP, 'orders = "all"', "prestashop.orders: must be"),
        (PRESTASHOP.replace("https:", "http:"), "", "prestashop.shop_urls[0]: must match"),
    ],
)
def test_orders_that_nobody_was_asked_for_cannot_be_named(tmp_path: Path, block: str, more: str, fault: str) -> None:
    """Nor an order that was taken back, nor a shop without TLS."""
    told = faults_of(tmp_path, GOOD + block + more)[0]
    assert told.startswith(f"storefronts.demo.{fault}")


# ── what is never said ───────────────────────────────────────────────────────────────────────────────────────────

CANARY = "EAAGm0PX4ZCpsBAcanaryZCZD"


def places_for_a_value() -> list[str]:
    """Give the good configuration once for every place where a value stands, with a canary there."""
    lines = GOOD.splitlines()
    spots = [at for at, line in enumerate(lines) if " = " in line]
    made = [[*lines[:at], f'{lines[at].partition(" = ")[0]} = {value}', *lines[at + 1 :]]
            for at in spots
            for value in (f'"{CANARY}"', f'["{CANARY}"]', f'{{ {CANARY} = "{CANARY}" }}', f'"file:{CANARY}"', f'"env:{CANARY}"')
            ]  # fmt: skip
    return ["\n".join(text) for text in made]


@pytest.mark.parametrize("text", places_for_a_value())
def test_a_value_never_appears_in_a_fault(tmp_path: Path, text: str) -> None:
    """Whatever stands at any place, the faults name places and rules."""
    said = "\n".join(fault.replace(f".{CANARY}:", ":") for fault in faults_of(tmp_path, text))
    assert CANARY not in said


@given(junk=st.text(max_size=40), name=st.sampled_from([name.rpartition(".") for name in names()]))
@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
def test_no_setting_repeats_what_it_cannot_read(tmp_path: Path, junk: str, name: tuple[str, str, str]) -> None:
    """Any text at any setting of any table: faults or settings, and no echo of a text that is long enough to tell."""
    table, _, field = name
    quoted = '"' + "".join(f"\\U{ord(c):08x}" for c in f"{junk}{CANARY}") + '"'
    head = f"[[{table}]]" if table.endswith("keys") else f"[{table}]"
    faults = faults_of(tmp_path, f"{head.replace('*', 'demo')}\n{field} = {quoted}")
    assert faults
    assert CANARY not in "\n".join(faults)


def test_a_name_that_could_be_more_than_a_name_is_left_out(tmp_path: Path) -> None:
    """Unknown keys are named, unless they are no plain names."""
    faults = faults_of(tmp_path, GOOD + '[server.x]\n["jane@example.com"]\n[storefronts."jane@example.com"]')
    assert "(a name): is not a setting" in faults
    assert "storefronts.(a name): is named by 1 to 40 of a-z 0-9 - _, a letter or digit first" in faults
    assert "jane" not in "\n".join(faults)


def test_an_adapters_own_words_count_unless_the_value_is_in_them() -> None:
    """A rule text that repeats the value, at any depth, is replaced."""
    error = {"type": "value_error", "loc": (), "msg": "", "ctx": {"error": ValueError("bad token EAABwx, be careful")}}
    assert rule_of({**error, "input": "EAABwx"}) == "is not valid"  # type: ignore[typeddict-item]  # as pydantic hands it over
    assert rule_of({**error, "input": {"a": ["EAABwx"]}}) == "is not valid"  # type: ignore[typeddict-item]  # same
    assert rule_of({**error, "input": "other"}) == "bad token EAABwx, be careful"  # type: ignore[typeddict-item]  # same
    assert rule_of({**error, "type": "url_parsing", "input": "x"}) == "is not valid"  # type: ignore[typeddict-item]  # same


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ('[server]\npublic = "EAAG', "the end of the file: must be TOML"),
        ('[server]\npublic = "EAAG\n', "line 2, column 15: must be TOML"),
        ("[server]\nEAAG", "the end of the file: must be TOML"),
        ("a = 1\na = 2", "the end of the file: must be TOML, in which each table and setting stands once"),
        ("[server]\n[outbox]\n[server]\na = 1", "line 3, column 8: must be TOML, in which each table and setting stands once"),
        ("a = " + "[" * 5000, "the configuration file is nested too deeply"),
        ("a = " + "9" * 5000, "the configuration file has a whole number that is too long"),
        (
            "[server.a]\nb = [1, 0x" + "f" * 5000 + "]",
            "the configuration file has a whole number that is too large at server.a.b[1]",
        ),
        ("a = 1\n" + "b . " * 20_000 + "b = 1", "the configuration file has a name of more than 100 parts in line 2"),
        ("['b'." + '"b".' * 20_000 + "b]\n", "the configuration file has a name of more than 100 parts in line 1"),
    ],
)
def test_what_is_no_toml_is_told_by_its_place(tmp_path: Path, text: str, fault: str) -> None:
    """The line and column of a syntax error, never what stands there."""
    (found,) = faults_of(tmp_path, text)
    assert found == fault


def test_what_dotted_names_nest_too_deeply_is_a_fault(tmp_path: Path) -> None:
    """TOML's own reader goes no deeper for them."""
    assert faults_of(tmp_path, f"{GOOD}[surplus]\n[outbox]\n{('a.' * 90 + 'a = {') * 20}{'}' * 20}\n") == (
        "surplus: is not a setting",
        "outbox: is nested too deeply",
    )


def test_an_unreadable_file_is_one_fault(tmp_path: Path) -> None:
    """No file, a folder, and bytes that are no text."""
    for path in (tmp_path / "none.toml", tmp_path):
        with pytest.raises(BadSettings, match=r"^the configuration file cannot be read$"):
            load(path, {})
    (tmp_path / "bytes.toml").write_bytes(b"a = '\xff'")
    with pytest.raises(BadSettings, match=r"^the configuration file is not UTF-8 text$"):
        load(tmp_path / "bytes.toml", {})


def test_a_configuration_has_an_end(tmp_path: Path) -> None:
    """What has none, or is another kind of file by its size, is not read into memory."""
    (tmp_path / "image.toml").touch()
    os.truncate(tmp_path / "image.toml", MOST_BYTES + 1)
    for path in (Path("/dev/zero"), tmp_path / "image.toml"):
        with pytest.raises(BadSettings, match=r"^the configuration file is larger than 64 MiB$"):
            load(path, {})


def test_a_file_may_begin_with_a_byte_order_mark(tmp_path: Path) -> None:
    """Some editors write one, and nobody sees it."""
    assert faults_of(tmp_path, "\ufeff" + "[surplus]")[0] == "surplus: is not a setting"


def test_secrets_do_not_print(tmp_path: Path) -> None:
    """The repr of loaded settings holds no token and no key."""
    key = make_key(KeyKind.SECRET, KeyId("s9"))
    text = GOOD + key_block("secret", "s9", 'key = "env:KEY"')
    loaded = load_text(tmp_path, text, {"META": CANARY, "KEY": key})
    for printed in (repr(loaded), str(loaded), f"{loaded.storefronts}"):
        assert CANARY not in printed
        assert key not in printed


def test_a_second_secret_is_followed_and_never_shown(tmp_path: Path) -> None:
    """Meta's app secret is a reference like the credential: it is taken in, and prints nowhere."""
    text = GOOD.replace("pixel_id = ", 'app_secret = "env:APP"\npixel_id = ')
    assert text != GOOD
    loaded = load_text(tmp_path, text, {"META": "token", "APP": CANARY})
    (login,) = loaded.storefronts[StorefrontId("demo")].logins.values()
    assert {name: referent.value for name, referent in login.secrets.items()} == {"app_secret": Secret(CANARY)}
    assert CANARY not in repr(loaded)
    for wrong, env in (("env:NONE", {"META": "token"}), (CANARY, {"META": "token"})):
        (fault,) = faults_of(tmp_path, text.replace("env:APP", wrong), env)
        assert fault.startswith("storefronts.demo.destinations.meta.app_secret: ")
        assert CANARY not in fault


def test_loaded_settings_cannot_be_changed(tmp_path: Path) -> None:
    """Settings are read once: every part is frozen."""
    loaded = load_text(tmp_path, GOOD)
    demo = loaded.storefronts[StorefrontId("demo")]
    with pytest.raises(AttributeError):
        loaded.outbox = loaded.outbox  # type: ignore[misc]  # the point of the test
    with pytest.raises(TypeError):
        loaded.storefronts[StorefrontId("b")] = demo  # type: ignore[index]  # the point of the test
    with pytest.raises(ValueError, match="frozen"):
        loaded.server.max_connections = 5  # type: ignore[misc]  # the point of the test


def test_the_order_of_the_file_does_not_matter(tmp_path: Path) -> None:
    """Destinations come in the order of `Destination` however the file has them."""
    pinterest = '[storefronts.demo.destinations.pinterest]\ncredential = "env:META"\nad_account_id = "549755885175"\n'
    blocks = re.split(r"(?m)^(?=\[)", GOOD + pinterest)[1:]
    demo = load_text(tmp_path, "\n".join(reversed(blocks))).storefronts[StorefrontId("demo")]
    assert list(demo.destinations) == [Destination.META, Destination.PINTEREST]


def test_every_setting_has_a_name() -> None:
    """The list that documentation is tested against holds the file's own and the adapters' settings."""
    assert {"server.public", "storefronts.*.keys.hash", "storefronts.*.destinations.meta.pixel_id"} <= set(names())
    assert len(names()) == len(set(names()))


def test_write_is_what_load_reads(tmp_path: Path) -> None:
    """The same file gives equal settings each time."""
    path = write(tmp_path, GOOD)
    first, second = load(path, {"META": "x"}), load(path, {"META": "x"})
    assert first.server == second.server
    tokens = [loaded.storefronts[StorefrontId("demo")].logins[Destination.META].credential.value for loaded in (first, second)]
    assert tokens[0] == tokens[1]


# ── contracts ────────────────────────────────────────────────────────────────────────────────────────────────────

AGENT: Final = spoilt('pixel_id = "1234567890"', 'pixel_id = "1234567890"\nclient_user_agent = "reduced"')


def test_what_the_contract_does_not_allow_is_a_fault_of_the_settings(tmp_path: Path) -> None:
    """The line that is missing is named, and what would have left; with the decision's name all is well."""
    place = "the settings would send data[].user_data.client_user_agent"
    assert faults_of(tmp_path, AGENT) == (f"{META}.allow.user_agent: is needed, with the name of the decision: {place}",)
    allowed = f'{AGENT}\n[{META}.allow]\nuser_agent = "DPO decision 2026-11-03"'
    assert faults_of(tmp_path, allowed) == ()


def test_an_option_that_is_allowed_and_not_used_is_no_fault(tmp_path: Path) -> None:
    """A decision may come before the setting."""
    loaded = load_text(tmp_path, f'{GOOD}\n[{META}.allow]\nclick_id = "DPO decision 2026-11-03"')
    assert loaded.storefronts[StorefrontId("demo")].contracts[Destination.META].allowed == {"click_id"}


@pytest.mark.parametrize(
    ("allow", "fault"),
    [
        ('shape = "x"', f"{META}.allow.shape: is not an option of this contract; it has user_agent, click_id"),
        ("click_id = true", f"{META}.allow.click_id: must name the decision in 1 to 200 printable characters, without @"),
        ('click_id = ""', f"{META}.allow.click_id: must name the decision"),
        ('click_id = "jane@example.com"', f"{META}.allow.click_id: must name the decision"),
        (f'click_id = "{"x" * 201}"', f"{META}.allow.click_id: must name the decision"),
    ],
)
def test_an_option_is_named_and_has_a_decision(tmp_path: Path, allow: str, fault: str) -> None:
    """Text that says who decided; the value itself is not repeated."""
    (found,) = faults_of(tmp_path, f"{GOOD}\n[{META}.allow]\n{allow}")
    assert found.startswith(fault)
    assert "jane" not in found


def test_allow_is_a_table(tmp_path: Path) -> None:
    """And nothing else."""
    assert faults_of(tmp_path, spoilt('pixel_id = "1234567890"', 'pixel_id = "1234567890"\nallow = 1')) == (
        f"{META}.allow: must be a table",
    )


def own_contract(folder: Path, old: str = "", new: str = "") -> str:
    """Put a contract of one's own beside the configuration; gives the configuration."""
    (folder / "contracts").mkdir()
    shipped_text = (Path(__file__).parents[2] / "config/contracts/meta.toml").read_text()
    assert old in shipped_text
    (folder / "contracts" / "meta.toml").write_text(shipped_text.replace(old, new))
    return spoilt("[server]", '[server]\ncontracts = "contracts"')


def test_the_privacy_teams_own_contract_counts(tmp_path: Path) -> None:
    """In its folder, with its own version."""
    loaded = load_text(tmp_path, own_contract(tmp_path, "version = 1", "version = 12"))
    assert loaded.storefronts[StorefrontId("demo")].contracts[Destination.META].file.version == 12


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ('destination = "meta"', 'destination = "pinterest"', "contract meta.toml: destination: must be meta"),
        ('kind = "unix_seconds"', 'kind = "seconds"', "contract meta.toml: requests[0].fields[1].kind: is not a kind of value"),
        (
            'path = "data[].action_source"',
            'path = "data[].source"',
            (
                f"{META}: adapter and contract disagree, so nothing could be sent: data[].(unknown): text; "
                "the contract lacks data[].action_source: put it back, or turn off what sends it"
            ),
        ),
        ('hosts = ["graph.facebook.com"]', 'hosts = ["graph.example"]', f"{META}: adapter and contract disagree"),
    ],
)
def test_a_contract_that_fits_nothing_stops_the_start(tmp_path: Path, old: str, new: str, fault: str) -> None:
    """With the place in the file, or the key path on which adapter and contract disagree."""
    found = faults_of(tmp_path, own_contract(tmp_path, old, new))
    assert [one for one in found if one.startswith(fault)]


def test_storefronts_share_a_contract_where_its_terms_are_the_same(tmp_path: Path) -> None:
    """With their own accounts, but neither where one allows more nor where one goes elsewhere."""
    meta = GOOD[GOOD.index("[storefronts.demo.destinations.meta]") :]

    def shop(name: str, more: str = "") -> str:
        said = meta.replace("demo", name).replace("1234567890", "9876543210") + more.format(name=name)
        key = f'[[storefronts.{name}.keys]]\nid = "{name}"\nkind = "secret"\nhash = "{name.encode().hex():0>64}"\n'
        return f'[storefronts.{name}]\norigins = ["https://{name}.example"]\n{key}{said}'

    text = GOOD.replace("[server]", "[server]\nallow_test_endpoints = true")
    text += shop("same") + shop("more", '[storefronts.{name}.destinations.meta.allow]\nclick_id = "decision 7"\n')
    text += shop("elsewhere", 'base_url = "http://127.0.0.1:9"\n')
    loaded = load_text(tmp_path, text)
    demo, same, more, elsewhere = (
        loaded.storefronts[StorefrontId(name)].contracts[Destination.META] for name in ("demo", "same", "more", "elsewhere")
    )
    assert demo is same
    assert demo is not more
    assert more.allowed == {"click_id"}
    assert demo is not elsewhere
    assert elsewhere.is_test
    prove(loaded)


def test_a_contract_that_is_missing_is_a_fault(tmp_path: Path) -> None:
    """A folder of one's own has a file for every destination in use."""
    (tmp_path / "contracts").mkdir()
    assert faults_of(tmp_path, spoilt("[server]", '[server]\ncontracts = "contracts"')) == (
        "contract meta.toml: cannot be read",
    )


def test_a_contract_has_an_end(tmp_path: Path) -> None:
    """What has none is not read into memory."""
    (tmp_path / "contracts").mkdir()
    (tmp_path / "contracts/meta.toml").symlink_to("/dev/zero")
    assert faults_of(tmp_path, spoilt("[server]", '[server]\ncontracts = "contracts"')) == (
        "contract meta.toml: cannot be read",
    )


def test_a_contract_that_guards_nothing_stops_the_start(tmp_path: Path) -> None:
    """If a field could be taken out of it and the same bytes would still leave, it is no guard for that field."""
    twin = '[[requests.fields]]\npath = "data[].event_id"\nkind = "content_id"\npolicy = "the event"\nwhy = "Twice."\n\n'
    first = '[[requests.fields]]\npath = "data[].event_id"'
    loaded = load_text(tmp_path, own_contract(tmp_path, first, twin + first))
    with pytest.raises(BadSettings, match=r"would not notice if it lacked data\[\].event_id"):
        prove(loaded)


def test_a_contract_without_a_token_host_is_a_fault(tmp_path: Path) -> None:
    """Nobody could be let in."""
    (tmp_path / "contracts").mkdir()
    shipped_text = (Path(__file__).parents[2] / "config/contracts/google_ads.toml").read_text()
    text = re.sub(r"token_hosts = .*", "", shipped_text)
    (tmp_path / "contracts" / "google_ads.toml").write_text(text)
    google = spoilt("[server]", '[server]\ncontracts = "contracts"').replace("destinations.meta", "destinations.google_ads")
    google = google.replace(
        'pixel_id = "1234567890"', 'operating_account = "1234567890"\nconversion_actions = { purchase = "7" }'
    )
    (found,) = faults_of(tmp_path, google)
    assert found.endswith("the contract's token_hosts do not name the platform's, so no access token could be got")


# ── the signed log ───────────────────────────────────────────────────────────────────────────────────────────────


def with_audit(*lines: str, server: str = "") -> str:
    """Give the good configuration with an `[audit]`."""
    return "\n".join([GOOD.replace('key_file = "keys.json"', f'key_file = "keys.json"\n{server}'), "[audit]", *lines])


@pytest.mark.parametrize(
    ("lines", "server", "fault"),
    [
        (['signing_key = "data/signing.key"'], "", "audit.signing_key: must lie outside server.data_dir"),
        (['signing_key = "k"', 'checkpoint_file = "data/x/../c"'], "", "audit.checkpoint_file: must lie outside"),
        (['checkpoint_file = "c"'], "", "audit.checkpoint_file: needs audit.signing_key"),
        (["checkpoint_stdout = true"], "", "audit.checkpoint_stdout: needs audit.signing_key"),
        (['signing_key = "k"', 'checkpoint_webhook = "http://audit.example/"'], "", "audit.checkpoint_webhook: must be https"),
        (['signing_key = "k"', 'checkpoint_webhook = "http://127.0.0.1:1/"'], "", "audit.checkpoint_webhook: must be https"),
        (
            ['signing_key = "k"', 'checkpoint_webhook = "http://audit.example/"'],
            "allow_test_endpoints = true",
            "audit.checkpoint_webhook: must be https",
        ),
        (
            ['signing_key = "k"', 'checkpoint_webhook = "https://a:b@audit.example/"'],
            "",
            "audit.checkpoint_webhook: must match",
        ),
        (['signing_key = "k"', 'checkpoint_webhook = "https://audit.example/?t=secret"'], "", "audit.checkpoint_webhook: must"),
        (['origin = "two words"'], "", "audit.origin: must name the log"),
        (['origin = "a+b"'], "", "audit.origin: must name the log"),
        (["origin = 7"], "", "audit.origin: must name the log"),
        (['other = "x"'], "", "audit.other: is not a setting"),
    ],
)
def test_what_would_prove_nothing_is_a_fault(tmp_path: Path, lines: list[str], server: str, fault: str) -> None:
    """A key or checkpoints that go back with the data, checkpoints without a signature, over clear text, or with secrets."""
    faults = faults_of(tmp_path, with_audit(*lines, server=server))
    assert any(told.startswith(fault) for told in faults), faults
    assert "secret" not in str(faults)


def test_a_signed_log_in_order_loads(tmp_path: Path) -> None:
    """Checkpoints go to a file, a webhook over TLS (a test's on loopback), standard output; by default nowhere."""
    assert [*load_text(tmp_path, GOOD).audit.outlets] == []
    audit = load_text(
        tmp_path,
        with_audit('signing_key = "k"', 'checkpoint_file = "c"', 'checkpoint_webhook = "https://audit.example:8443/x/y"'),
    ).audit
    assert [*audit.outlets] == ["checkpoint_file", "checkpoint_webhook"]
    test = with_audit('signing_key = "k"', 'checkpoint_webhook = "http://127.0.0.1:1/x"', server="allow_test_endpoints = true")
    assert [*load_text(tmp_path, test).audit.outlets] == ["checkpoint_webhook"]


def test_a_configurations_digest_is_of_what_it_says(tmp_path: Path) -> None:
    """Comments, blanks and order change nothing; a value does."""
    digest = load_text(tmp_path, GOOD).digest
    assert re.fullmatch(r"[0-9a-f]{64}", digest)
    assert load_text(tmp_path, "# a comment\n" + GOOD.replace("\n", "\n\n")).digest == digest
    moved = GOOD.replace('data_dir = "data"\nkey_file = "keys.json"', 'key_file = "keys.json"\ndata_dir = "data"')
    assert moved != GOOD
    assert load_text(tmp_path, moved).digest == digest
    assert load_text(tmp_path, GOOD.replace("1234567890", "1234567891")).digest != digest


def test_every_period_is_told_with_its_bounds(tmp_path: Path) -> None:
    """As the settings themselves are bounded, so that no row can promise what the file does not enforce."""
    text = spoilt("[server]", "[retention]\nsent_days = 30\n[server]")
    periods = load_text(tmp_path, text).retention.periods
    assert set(periods) == set(RetentionSettings.model_fields)
    assert periods["sent_days"] == Period(30, 8, 395)
    for name, period in periods.items():
        for days in (period.least - 1, period.most + 1):
            (fault,) = faults_of(tmp_path, spoilt("[server]", f"[retention]\n{name} = {days}\n[server]"))
            assert fault.startswith(f"retention.{name}: must be at ")
