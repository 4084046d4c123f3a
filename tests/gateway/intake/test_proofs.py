"""What of a signal is kept as text and what only as a digest."""

import json
import re
from hashlib import sha256
from typing import Any, Final

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.consent.decision import context_of, read_signals
from gateway.consent.place import UNKNOWN
from gateway.consent.policy import Policy
from gateway.consent.signals import READERS, SILENT
from gateway.consent.signals.cookies import COOKIES
from gateway.consent.statement import Statement
from gateway.intake.proofs import FORMS, LONGEST, OTHER, proofs_of
from gateway.ledger import Proof
from gateway.model.words import Refusal, Signal, State
from tests.strategies import JSON, NOW


def proofs(consent: dict[str, Any]) -> tuple[Proof, ...]:
    """What is kept of a consent object, as its own readers read it."""
    return proofs_of(consent, read_signals(consent, context_of(consent, Policy(), UNKNOWN, NOW)))


def digest(value: object) -> str:
    """The digest of a value in the one form that there is."""
    return sha256(orjson.dumps(value, option=orjson.OPT_SORT_KEYS)).hexdigest()


@pytest.mark.parametrize(
    ("key", "value", "text"),
    [
        ("advertising", True, "true"),
        ("advertising", False, "false"),
        ("gpc", True, "true"),
        ("analytics", False, "false"),
        ("vendors", {"pinterest": False, "meta": True, "google": None}, '{"google":null,"meta":true,"pinterest":false}'),
        ("google", {"ad_storage": "granted", "ad_user_data": "denied"}, '{"ad_storage":"granted","ad_user_data":"denied"}'),
        ("shopify", {"marketingAllowed": True}, '{"marketingAllowed":true}'),
        ("shopify_visitor", {"marketing": "yes", "sale_of_data": ""}, '{"marketing":"yes","sale_of_data":""}'),
        ("gcs", "G111", '"G111"'),
        ("us_privacy", "1YNN", '"1YNN"'),
        ("given_at", NOW - 5, str(NOW - 5)),
        ("given_at", "2026-11-01T09:00:00Z", '"2026-11-01T09:00:00Z"'),
    ],
)
def test_a_signal_of_its_form_is_kept_as_text(key: str, value: object, text: str) -> None:
    """In one form, whatever order its names came in."""
    assert proofs({key: value}) == (Proof(key, text, None),)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("advertising", "jane"),
        ("advertising", 1),
        ("gpc", "yes"),
        ("vendors", {"jane": True}),
        ("vendors", {"meta": "jane"}),
        ("vendors", ["jane"]),
        ("google", {"ad_storage": "granted", "jane": "granted"}),
        ("google", {"ad_storage": "jane"}),
        ("shopify", {"marketingAllowed": True, "jane": True}),
        ("shopify", {"marketingAllowed": "jane"}),
        ("given_at", "jane"),
        ("given_at", 1.5),
        ("buyer_accepts_marketing", "jane"),
        ("cookies", "jane=1"),
        ("gpp_sid", [7, "jane"]),
    ],
)
def test_what_is_not_of_its_form_is_kept_as_a_digest(key: str, value: object) -> None:
    """It may hold anything, so only who still has it can show what it was."""
    assert proofs({key: value}) == (Proof(key, None, digest(value)),)


@pytest.mark.parametrize(
    "held",
    [
        *("jane@example.com", "jane%40example.com", "jane\uff20example.com", "x jane@example.com y"),
        *("203.0.113.77", "203.0.113.77:443", "ip=203.0.113.77&x=1", "::ffff:203.0.113.77", "2001:db8:1::77"),
    ],
)
def test_of_what_holds_an_address_no_digest_is_kept_either(held: str) -> None:
    """It would be found by trying all addresses: that the signal came is all that is left."""
    for key, value in [
        ("advertising", held),
        ("vendors", {held: True}),
        ("vendors", {"meta": [held]}),
        ("given_at", held),
        ("tcf", held),
        ("onetrust", {"consentId": held, "OnetrustActiveGroups": ",C0004,"}),
    ]:
        assert proofs({key: value}) == (Proof(key, None, None),)
    assert proofs({"cookies": {"OptanonConsent": f"consentId={held}&groups=C0004:1"}}) == (
        Proof("cookies.OptanonConsent", None, None),
    )


def test_a_key_that_the_format_does_not_know_is_not_named() -> None:
    """A name can be data too, and an IP address is found from its hash by trying all of them: nothing of either is left."""
    assert proofs({"jane@example.com": "x", "ip": "203.0.113.77"}) == (Proof(OTHER, None, None),)


def test_cookies_are_kept_as_digests_under_names_that_are_known() -> None:
    """They hold identifiers of their own; a cookie of another name is not named."""
    said = {"CookieConsent": "{stamp:'abc'}", "jane@example.com": "x", "_fbp": "fb.1.1.1"}
    expected = (Proof("cookies.CookieConsent", None, digest(said["CookieConsent"])), Proof("cookies.other", None, None))
    assert proofs({"cookies": said}) == expected


def test_what_finds_a_record_is_no_proof_and_null_is_none() -> None:
    """Receipt, join and the banner's version have places of their own."""
    consent = {"receipt": "r", "join": {"order_id": "1"}, "banner_version": "7", "advertising": None, "tcf": None}
    assert proofs(consent) == ()


@pytest.mark.parametrize(
    ("key", "signal", "text"),
    [
        ("tcf", Signal.TCF, "CPXxRfAPXxRfAAfKABENB-CgAAAAAAAAAAYgAAAAAAAA"),
        ("gpp", Signal.GPP, "DBABMA~CPXxRfAPXxRfAAfKABENB"),
        ("us_privacy", Signal.US_PRIVACY, "1YNN"),
        ("gcs", Signal.GCS, "G111"),
        ("gcd", Signal.GCD, "13r3r3r3r5l1"),
        ("ac", Signal.AC, "2~89.70~dv.6"),
    ],
)
@pytest.mark.parametrize("state", [State.GRANTED, State.INVALID])
def test_a_string_is_kept_as_text_only_if_its_reader_read_it(key: str, signal: Signal, text: str, state: State) -> None:
    """What its reader could not read whole may hold anything between the parts that it could."""
    (proof,) = proofs_of({key: text}, (Statement(signal, state),))
    assert (proof.text is not None) is (state is State.GRANTED)


@pytest.mark.parametrize(
    ("key", "signal", "refusal"),
    [("gpp", Signal.GPP, Refusal.GPP_INVALID), ("us_privacy", Signal.US_PRIVACY, Refusal.US_PRIVACY_INVALID)],
)
def test_an_opt_out_for_what_cannot_be_read_is_not_read(key: str, signal: Signal, refusal: Refusal) -> None:
    """Such a string counts as an opt-out; it was not read all the same."""
    (proof,) = proofs_of({key: "1YNN"}, (Statement(signal, State.OPTED_OUT, refusal=refusal),))
    assert proof == Proof(key, None, digest("1YNN"))


def test_a_tc_string_inside_a_gpp_string_must_be_read_too() -> None:
    """The whole string is kept or none of it."""
    (proof,) = proofs_of({"gpp": "DBABMA~CPX"}, (Statement(Signal.TCF, State.INVALID),))
    assert proof.text is None


@pytest.mark.parametrize("text", ["2~33612345678~dv.", "2~1.33612345678", "3~1.2~dv.", "2~1~dv.~7", "jane"])
def test_an_additional_consent_string_holds_ids_of_providers_alone(text: str) -> None:
    """A number that is longer than any provider's id may be anybody's."""
    assert proofs({"ac": text})[0].text is None
    assert proofs({"ac": "2~1.35.89.15731~dv.9"})[0].text is not None


def test_a_text_has_a_bound() -> None:
    """What is longer is kept as a digest, however well it was read."""
    longest, longer = "C" * (LONGEST - 2), "C" * (LONGEST - 1)
    assert [proofs_of({"tcf": text}, ())[0].text is not None for text in (longest, longer)] == [True, False]


MARK: Final = "jane-7f3a@example.com"
MARKED: Final = st.recursive(
    st.sampled_from((MARK, True, None, 7)),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from((MARK, "meta", "ad_storage")), inner, max_size=3)
    ),
    max_leaves=6,
)


@given(consent=st.dictionaries(st.sampled_from((*READERS, *SILENT, *FORMS, "cookies", MARK)), MARKED, max_size=6))
def test_no_address_is_ever_in_a_proof(consent: dict[str, Any]) -> None:
    """Wherever in a consent object an e-mail address stands, neither a proof's name nor its text holds it."""
    assert all(MARK not in f"{proof.signal} {proof.text}" for proof in proofs(consent))


@given(consent=st.dictionaries(st.sampled_from((*READERS, *SILENT, *FORMS, "cookies", "x")), JSON, max_size=6))
def test_names_come_from_closed_lists(consent: dict[str, Any]) -> None:
    """And each proof has a text or a digest, but for what is of no known name or may hold an address: that has neither."""
    names = {*READERS, *SILENT, *FORMS, OTHER, *(f"cookies.{name}" for name in (*COOKIES, OTHER))}
    found = proofs(consent)
    assert {proof.signal for proof in found} <= names
    doubtful = {key for key, value in consent.items() if re.search(r"[@.:\uff20]|%40", json.dumps(value, ensure_ascii=False))}
    nothing = {OTHER, f"cookies.{OTHER}", *doubtful, *(f"cookies.{name}" for name in COOKIES if "cookies" in doubtful)}
    assert all((proof.text is None) + (proof.digest is None) in {1, 1 + (proof.signal in nothing)} for proof in found)
    assert all(proof.text is proof.digest is None for proof in found if proof.signal in (OTHER, f"cookies.{OTHER}"))
