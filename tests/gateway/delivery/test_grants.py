"""Key documents are read strictly and silently, and every answer of a token endpoint means one thing."""

import base64
import json
import time
from collections.abc import Callable
from email.utils import formatdate
from functools import cache
from typing import Any, Final

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)
from google.auth import jwt as untyped_jwt
from google.oauth2 import credentials as untyped_user
from google.oauth2 import service_account as untyped_account
from hypothesis import given
from hypothesis import strategies as st

from gateway.adapter import Reply, TokenEndpoint
from gateway.audit.advice import advise
from gateway.delivery.fates import CONNECTION_LOST, NO_NAME, NOT_CONNECTED, TIMED_OUT, NoReply
from gateway.delivery.grants import (
    SCOPE_MISSING,
    AuthorizedUser,
    CredentialKind,
    Grant,
    ServiceAccount,
    Token,
    TokenAnswer,
    assertion,
    kind_of,
    read_answer,
    read_credential,
    token_form,
)
from gateway.model.texts import PlatformCode
from gateway.model.verdict import Pause, Retry, Throttle
from gateway.model.words import Destination, Reason
from gateway.sandbox.google_token import AUDIENCE, TokenService
from gateway.secret import BadSecret, Document, Secret

jwt: Any = untyped_jwt
google_user: Any = untyped_user.Credentials
google_account: Any = untyped_account.Credentials

NOW: Final = 1_795_000_000
SCOPE: Final = "https://www.googleapis.com/auth/datamanager"
ENDPOINT: Final = TokenEndpoint("http://127.0.0.1:1/token", AUDIENCE, SCOPE)
ACCOUNT_TEXT: Final = TokenService().make_account("canary-account@sandbox.iam.gserviceaccount.com")
USER_TEXT: Final = TokenService().make_user("canary-client.apps.googleusercontent.com")
ECHO: Final = "canary-text jane@example.com"


def read(text: str) -> Secret | Grant:
    """Read a credential as the configuration does."""
    return read_credential(Document(text), AUDIENCE)


@cache  # checking a key takes a tenth of a second
def account() -> ServiceAccount:
    """A service account, read from its document."""
    found = read(ACCOUNT_TEXT)
    assert isinstance(found, ServiceAccount)
    return found


def user() -> AuthorizedUser:
    """An authorized user, read from its document."""
    found = read(USER_TEXT)
    assert isinstance(found, AuthorizedUser)
    return found


def rules(text: str) -> tuple[str, ...]:
    """What is wrong with a document."""
    with pytest.raises(BadSecret) as caught:
        read(text)
    assert caught.value.__cause__ is None
    return caught.value.rules


def changed(text: str, **changes: Any) -> str:
    """A document with fields replaced; None takes one out."""
    fields = json.loads(text) | changes
    return json.dumps({name: value for name, value in fields.items() if value is not None})


def pem(key: PrivateKeyTypes, lock: KeySerializationEncryption | None = None) -> str:
    """Write a private key out."""
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, lock or NoEncryption()).decode()


# ── documents ────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_token_a_service_account_and_a_user_are_told_apart() -> None:
    """What begins with a brace is a document, all else a token; each has its kind."""
    assert read("ya29.plain") == Secret("ya29.plain")
    kinds = [kind_of(read(text)) for text in ("ya29.plain", ACCOUNT_TEXT, USER_TEXT)]
    assert kinds == [CredentialKind.TOKEN, CredentialKind.SERVICE_ACCOUNT, CredentialKind.AUTHORIZED_USER]


def test_a_document_is_read_whole() -> None:
    """Every field that counts is taken as it stands."""
    fields, found = json.loads(ACCOUNT_TEXT), account()
    assert found.client_email.reveal() == fields["client_email"]
    assert found.private_key.reveal() == fields["private_key"]
    assert found.private_key_id == Secret(fields["private_key_id"])
    fields, person = json.loads(USER_TEXT), user()
    names = ("client_id", "client_secret", "refresh_token")
    assert [getattr(person, name).reveal() for name in names] == [fields[name] for name in names]


@pytest.mark.parametrize("key_id", [None, 5, "", "a b"])
def test_a_key_without_a_usable_id_is_read_all_the_same(key_id: object) -> None:
    """Its id only helps Google to find it."""
    found = read(changed(ACCOUNT_TEXT, private_key_id=key_id))
    assert isinstance(found, ServiceAccount)
    assert found.private_key_id is None


@pytest.mark.parametrize("text", [ACCOUNT_TEXT, USER_TEXT])
@pytest.mark.parametrize("uri", [AUDIENCE, None])
def test_a_document_may_name_the_own_endpoint_or_none(text: str, uri: str | None) -> None:
    """Google's files do."""
    assert read(changed(text, token_uri=uri)) == read(text)


@pytest.mark.parametrize("text", [ACCOUNT_TEXT, USER_TEXT])
@pytest.mark.parametrize(
    "uri",
    ["https://evil.example/token", "http://oauth2.googleapis.com/token", AUDIENCE + "/", AUDIENCE + "?x=1", "", 5, [AUDIENCE]],
)
def test_a_document_that_leads_elsewhere_is_refused(text: str, uri: object) -> None:
    """A key file from a stranger must not be able to have its secrets sent to him."""
    assert rules(changed(text, token_uri=uri)) == (f"the key document's token_uri must be {AUDIENCE}",)


def test_another_universe_is_refused() -> None:
    """A key of another cloud would be sent to a Google that does not know it."""
    assert rules(changed(ACCOUNT_TEXT, universe_domain="evil.example")) == (
        "the key document's universe_domain must be googleapis.com",
    )


@pytest.mark.parametrize(
    ("text", "field"),
    [(ACCOUNT_TEXT, "client_email"), (ACCOUNT_TEXT, "private_key")]
    + [(USER_TEXT, field) for field in ("client_id", "client_secret", "refresh_token")],
)
@pytest.mark.parametrize("value", [None, "", 5, ["x"]])
def test_a_missing_field_is_named(text: str, field: str, value: object) -> None:
    """Absent, empty or no text."""
    assert rules(changed(text, **{field: value})) == (f"the key document's {field} is missing",)


@pytest.mark.parametrize("field", ["client_id", "client_secret", "refresh_token"])
def test_a_field_that_could_break_a_form_is_named(field: str) -> None:
    """Blanks and line breaks are no part of an id or a secret."""
    assert rules(changed(USER_TEXT, **{field: "canary \n x"})) == (
        f"the key document's {field} must be visible ASCII characters in one line",
    )


def test_every_fault_of_a_document_is_told_at_once() -> None:
    """Who corrects the file corrects it once."""
    told = rules(changed(USER_TEXT, token_uri="https://evil.example", client_id=None, client_secret=5))
    assert [rule.split()[3] for rule in told] == ["token_uri", "client_id", "client_secret"]


WRONG_KEYS: Final[dict[str, Callable[[], str]]] = {
    "text": lambda: "canary",
    "other alphabet": lambda: "clé",
    "no RSA": lambda: pem(ec.generate_private_key(ec.SECP256R1())),
    "encrypted": lambda: pem(rsa.generate_private_key(65537, 2048), BestAvailableEncryption(b"canary")),
    "public": lambda: (
        load_pem_private_key(json.loads(ACCOUNT_TEXT)["private_key"].encode(), None)
        .public_key()
        .public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        .decode()
    ),
    "cut": lambda: str(json.loads(ACCOUNT_TEXT)["private_key"])[:800],
}


@pytest.mark.parametrize("wrong", WRONG_KEYS)
def test_a_private_key_that_cannot_sign_is_a_fault_at_once(wrong: str) -> None:
    """Not at the first delivery."""
    assert rules(changed(ACCOUNT_TEXT, private_key=WRONG_KEYS[wrong]())) == (
        "the key document's private_key must be an RSA key in PEM, not encrypted",
    )


def test_a_short_key_is_a_fault() -> None:
    """1024 bits can be broken."""
    short = pem(rsa.generate_private_key(65537, 1024))  # noqa: S505 - the point of the test
    assert rules(changed(ACCOUNT_TEXT, private_key=short)) == ("the key document's private_key must have at least 2048 bits",)


@pytest.mark.parametrize("kind", [None, 5, "external_account", "impersonated_service_account", "canary", ["service_account"]])
def test_another_type_of_document_is_named_by_its_rule(kind: object) -> None:
    """Only the two that are understood, never what stands there."""
    assert rules(changed(ACCOUNT_TEXT, type=kind)) == ("the key document's type must be service_account or authorized_user",)


@pytest.mark.parametrize("text", [ACCOUNT_TEXT, USER_TEXT, '{"any":"canary"}'])
def test_a_platform_without_an_endpoint_takes_no_document(text: str) -> None:
    """In one line it could pass for a token, and a secret of Google's would be sent to somebody else."""
    with pytest.raises(BadSecret, match=r"^refers to a key document, and this platform takes a token$"):
        read_credential(Document(text), None)
    assert read_credential(Document("tok"), None) == Secret("tok")


def test_a_console_download_is_no_key_document() -> None:
    """The client file that Google's console offers has no refresh token in it."""
    assert rules('{"installed": {"client_id": "canary", "client_secret": "canary"}}') == (
        "the key document's type must be service_account or authorized_user",
    )


@pytest.mark.parametrize("text", ["{", "{canary}", '{"type": NaN}', "{" * 5000, '{"type":"service_account"', " {}]"])
def test_what_is_no_json_is_told_as_such(text: str) -> None:
    """A file that was cut, or something else in braces."""
    assert rules(text) == ("refers to a key document that is not JSON",)


def test_several_lines_that_are_no_document_are_no_token() -> None:
    """A token stands alone in one line."""
    assert rules("canary\ncanary") == ("what it refers to must be 1 to 8192 visible ASCII characters in one line",)


@given(st.text(alphabet=st.characters(min_codepoint=32, max_codepoint=126), max_size=60))
def test_faults_never_repeat_what_stands_there(text: str) -> None:
    """Whatever is in a document, its faults name rules only."""
    mark = f"canary{text}"
    told = rules(json.dumps({"type": "authorized_user", "client_id": f"{mark} ", "client_secret": [mark], "token_uri": mark}))
    assert "canary" not in "".join(told)


@pytest.mark.parametrize("text", [ACCOUNT_TEXT, USER_TEXT])
def test_what_was_read_does_not_print(text: str) -> None:
    """Neither the document nor anything of it, however it is printed."""
    found = read(text)
    secrets = [value for value in json.loads(text).values() if value not in {"service_account", "authorized_user"}]
    form = token_form(account() if "private_key" in text else user(), SCOPE, AUDIENCE, NOW)
    for shown in (repr(found), str(found), f"{[found]}", repr(Document(text)), str(Document(text)), repr(form)):
        assert not any(str(value) in shown for value in secrets)
        assert "canary" not in shown


# ── asking ───────────────────────────────────────────────────────────────────────────────────────────────────────


def public_key(text: str) -> bytes:
    """The public half of a document's key."""
    key = load_pem_private_key(json.loads(text)["private_key"].encode(), None)
    return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def test_googles_own_library_reads_our_assertion() -> None:
    """Signature, header and claims are what google-auth itself would send."""
    ours = assertion(account(), SCOPE, AUDIENCE, NOW).reveal()
    parts = ours.split(".")
    header, claims = (json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))) for part in parts[:2])
    assert header == {"alg": "RS256", "typ": "JWT", "kid": json.loads(ACCOUNT_TEXT)["private_key_id"]}
    theirs = google_account.from_service_account_info(json.loads(ACCOUNT_TEXT), scopes=[SCOPE])
    expected = jwt.decode(theirs._make_authorization_grant_assertion(), verify=False)
    assert claims.keys() == expected.keys()
    assert claims == expected | {"iat": NOW, "exp": NOW + 3600}
    assert jwt.decode(ours, verify=False) == claims
    assert "=" not in ours


def test_an_assertion_is_signed_by_the_accounts_key() -> None:
    """google-auth verifies it with the public half, at the time it was made; a changed claim does not verify."""
    now = int(time.time())
    ours = assertion(account(), SCOPE, AUDIENCE, now).reveal()
    claims = jwt.decode(ours, certs=public_key(ACCOUNT_TEXT), audience=AUDIENCE, clock_skew_in_seconds=60)
    assert claims["iss"] == "canary-account@sandbox.iam.gserviceaccount.com"
    head, _, signature = ours.split(".")
    forged = base64.urlsafe_b64encode(json.dumps(claims | {"scope": "x"}).encode()).decode().rstrip("=")
    with pytest.raises(ValueError, match="signature"):
        jwt.decode(f"{head}.{forged}.{signature}", certs=public_key(ACCOUNT_TEXT))


def test_a_key_without_an_id_is_not_named() -> None:
    """The header says nothing then; Google tries the account's keys."""
    nameless = read(changed(ACCOUNT_TEXT, private_key_id=None))
    assert isinstance(nameless, ServiceAccount)
    head, _, _ = assertion(nameless, SCOPE, AUDIENCE, NOW).reveal().split(".")
    assert json.loads(base64.urlsafe_b64decode(head + "=" * (-len(head) % 4))) == {"alg": "RS256", "typ": "JWT"}


def test_only_an_rsa_key_signs() -> None:
    """Documents are read so that no other gets here."""
    other = ServiceAccount(Secret("a@x.example"), Document(pem(ec.generate_private_key(ec.SECP256R1()))))
    with pytest.raises(TypeError, match="an RSA key"):
        assertion(other, SCOPE, AUDIENCE, NOW)


def test_a_service_account_asks_with_its_assertion() -> None:
    """Two fields, as RFC 7523 has them."""
    form = token_form(account(), SCOPE, AUDIENCE, NOW)
    assert form == (
        ("grant_type", Secret("urn:ietf:params:oauth:grant-type:jwt-bearer")),
        ("assertion", assertion(account(), SCOPE, AUDIENCE, NOW)),
    )


def test_a_user_asks_with_its_refresh_token() -> None:
    """Four fields, the same that google-auth has in its credentials."""
    theirs = google_user.from_authorized_user_info(json.loads(USER_TEXT))
    form = {name: value.reveal() for name, value in token_form(user(), SCOPE, AUDIENCE, NOW)}
    assert form == {
        "grant_type": "refresh_token",
        "client_id": theirs.client_id,
        "client_secret": theirs.client_secret,
        "refresh_token": theirs.refresh_token,
    }


# ── the answer ───────────────────────────────────────────────────────────────────────────────────────────────────


def meant(status: int, body: object, grant: Grant | None = None, **headers: str) -> Token | Pause | Retry | Throttle:
    """What an answer means."""
    sent = body if isinstance(body, bytes) else json.dumps(body).encode()
    kept = {name.replace("_", "-"): value for name, value in headers.items()}
    return read_answer(Reply(status, kept, sent), grant or account(), ENDPOINT, NOW)


@pytest.mark.parametrize(
    ("more", "seconds"),
    [
        ({"expires_in": 3599}, 3599.0),
        ({"expires_in": "3599"}, 3599.0),
        ({"expires_in": 3599.5, "token_type": "bearer"}, 3599.5),
        ({"expires_in": 10**9}, 86_400.0),
        ({}, 900.0),
        ({"expires_in": 5, "scope": f"openid {SCOPE}"}, 5.0),
        ({"expires_in": 5, "refresh_token": "another", "id_token": "x"}, 5.0),
    ],
)
def test_a_token_and_its_life_are_taken(more: dict[str, object], seconds: float) -> None:
    """The life as told, bounded; without one, a short one."""
    assert meant(200, {"access_token": "ya29.x", **more}) == Token(Secret("ya29.x"), seconds)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"\xff",
        b"[]",
        b"[" * 100_000,
        {},
        {"id_token": "x"},
        {"access_token": "a b"},
        {"access_token": ""},
        {"access_token": 5},
        {"access_token": "x", "token_type": "mac"},
        {"access_token": "x", "expires_in": 0},
        {"access_token": "x", "expires_in": -1},
        {"access_token": "x", "expires_in": "soon"},
        {"access_token": "x", "expires_in": {}},
    ],
)
def test_a_success_without_a_usable_token_is_tried_again(body: object) -> None:
    """It says nothing of the credential."""
    assert meant(200, body) == Retry(Reason.UNREADABLE_REPLY)


@pytest.mark.parametrize("scope", ["", "openid", SCOPE + "x", "https://www.googleapis.com/auth/adwords"])
def test_a_token_for_something_else_is_not_used(scope: str) -> None:
    """The platform would refuse it with this very code; it is known before the first request."""
    assert meant(200, {"access_token": "x", "scope": scope}) == Pause(Reason.PERMISSION, SCOPE_MISSING)


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (400, "invalid_grant"),
        (401, "invalid_client"),
        (400, "invalid_scope"),
        (401, "unauthorized_client"),
        (400, "unsupported_grant_type"),
        (403, "access_denied"),
        (400, "admin_policy_enforced"),
        (400, "a_code_that_nobody_knows"),
    ],
)
def test_an_error_of_the_credential_pauses_with_its_code(status: int, error: str) -> None:
    """A person must act."""
    assert meant(status, {"error": error, "error_description": ECHO}) == Pause(Reason.CREDENTIAL, PlatformCode(error))


def test_googles_subtype_is_part_of_the_code() -> None:
    """It says that somebody has to sign in again."""
    body = {"error": "invalid_grant", "error_subtype": "invalid_rapt"}
    assert meant(400, body, user()) == Pause(Reason.CREDENTIAL, PlatformCode("invalid_grant/invalid_rapt"))


@pytest.mark.parametrize(("ahead", "code"), [(61, "invalid_grant/clock"), (-61, "invalid_grant/clock"), (59, "invalid_grant")])
def test_a_wrong_clock_is_told(ahead: int, code: str) -> None:
    """A refused assertion, and a date that differs from ours: the clock is why."""
    said = meant(400, {"error": "invalid_grant"}, date=formatdate(NOW - ahead, usegmt=True))
    assert said == Pause(Reason.CREDENTIAL, PlatformCode(code))


@pytest.mark.parametrize(
    ("grant", "error", "date"),
    [
        (user(), "invalid_grant", formatdate(0)),
        (account(), "invalid_client", formatdate(0)),
        (account(), "invalid_grant", "yesterday"),
        (account(), "invalid_grant", ""),
        (account(), "invalid_grant", "Thu, 01 Jan 99999 00:00:00 GMT"),
    ],
)
def test_the_clock_is_blamed_for_nothing_else(grant: Grant, error: str, date: str) -> None:
    """A refresh token has no time in it, and without a date nothing is known."""
    assert meant(400, {"error": error}, grant, date=date) == Pause(Reason.CREDENTIAL, PlatformCode(error))


@pytest.mark.parametrize(
    ("status", "body", "code"),
    [
        (500, {"error": "server_error"}, "server_error"),
        (400, {"error": "temporarily_unavailable"}, "temporarily_unavailable"),
        (500, {"error": "internal_failure"}, "internal_failure"),
        (400, {"error": "backend_error"}, "backend_error"),
        (503, b"<html>", "http-503"),
        (502, {"error": {"code": 502}}, "http-502"),
        (408, {}, "http-408"),
    ],
)
def test_what_comes_right_by_itself_is_tried_again(status: int, body: object, code: str) -> None:
    """Google's trouble, not the credential's."""
    assert meant(status, body) == Retry(Reason.SERVER_ERROR, code=PlatformCode(code))


@pytest.mark.parametrize(
    ("status", "error", "wait", "after"),
    [
        (429, "x_y", "7", 7.0),
        (429, "", "", None),
        (403, "rate_limit_exceeded", "99999999", 3600.0),
        (400, "slow_down", "soon", None),
    ],
)
def test_too_many_requests_throttle(status: int, error: str, wait: str, after: float | None) -> None:
    """With the wait that was asked for, at most an hour."""
    said = meant(status, {"error": error}, retry_after=wait)
    assert said == Throttle(after=after, code=PlatformCode(error or f"http-{status}"))


@pytest.mark.parametrize(
    ("date", "after"), [("Sun, 22 Nov 2026 10:15:42 GMT", 42.0), ("Tue, 22 Nov 2050 10:15:42 GMT", 3600.0), ("tomorrow", None)]
)
def test_a_wait_may_be_told_as_a_date(date: str, after: float | None) -> None:
    """Held against the reply's own date, as for every other answer."""
    now = "Sun, 22 Nov 2026 10:15:00 GMT"
    said = meant(429, {"error": "slow_down"}, retry_after=date, date=now)
    assert said == Throttle(after=after, code=PlatformCode("slow_down"))
    assert meant(503, b"", retry_after=date, date=now) == Retry(Reason.SERVER_ERROR, after, PlatformCode("http-503"))


def test_a_redirect_is_not_followed() -> None:
    """Somebody has to look."""
    assert meant(302, b"") == Pause(Reason.REDIRECTED, PlatformCode("http-302"))


def test_an_error_without_a_code_is_told_by_its_status() -> None:
    """Google's front end puts an object in the code's place; a proxy's page says nothing of the credential at all."""
    assert meant(403, {"error": {"status": ECHO}}) == Pause(Reason.CREDENTIAL, PlatformCode("http-403"))
    assert meant(403, b"<html>") == Retry(Reason.UNREADABLE_REPLY, code=PlatformCode("http-403"))


@pytest.mark.parametrize(
    ("nothing", "code"),
    [(NOT_CONNECTED, None), (NO_NAME, "name"), (TIMED_OUT, "token-endpoint"), (CONNECTION_LOST, "token-endpoint")],
)
def test_no_answer_is_tried_again(nothing: NoReply, code: str | None) -> None:
    """No event is in doubt for it, and none is said to be: nothing was sent."""
    told = read_answer(nothing, account(), ENDPOINT, NOW)
    assert told == Retry(Reason.NOT_CONNECTED, code=None if code is None else PlatformCode(code))
    assert "may have" not in " ".join(advise(Destination.GOOGLE_ADS, told.reason, told.code))


@pytest.mark.parametrize(
    "text", [ECHO, "1//0canary-refresh-token", "GOCSPX-canary", "ya29.canary", "canary" * 20, "Canary", "c"]
)
def test_a_text_in_a_codes_place_is_not_kept(text: str) -> None:
    """What does not look like a code could be anything, a secret that was sent included."""
    said = meant(400, {"error": text, "error_subtype": text, "error_description": text})
    assert said == Pause(Reason.CREDENTIAL, PlatformCode("http-400"))


def test_an_answer_does_not_print() -> None:
    """Not even while it is read."""
    assert "canary" not in repr(TokenAnswer(access_token="ya29.canary", error="canary"))


@given(st.integers(100, 599), st.binary(max_size=200) | st.dictionaries(st.text(), st.none() | st.integers() | st.text()).map(
    lambda body: json.dumps(body).encode()
))  # fmt: skip
def test_any_answer_means_something(status: int, body: bytes) -> None:
    """Whatever comes, it is one of the four and nothing is raised."""
    assert isinstance(meant(status, body), Token | Pause | Retry | Throttle)
