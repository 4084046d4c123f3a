"""The token endpoint's stand-in judges as the published rules say, and by google-auth's own requests."""

import base64
import json
from collections.abc import AsyncIterator
from email.utils import parsedate_to_datetime
from typing import Any, Final

import pytest
import pytest_asyncio
from aiohttp import ClientSession, FormData
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from google.oauth2 import service_account as untyped_account

from gateway.model.words import Destination
from gateway.sandbox.google_token import AUDIENCE, TokenService, Trouble
from gateway.sandbox.platforms import Platforms
from tests.gateway.sandbox.samples import GOOGLE, google_body
from tests.gateway.sandbox.samples import NOW as SAMPLED_AT

google_account: Any = untyped_account.Credentials
NOW: Final = int(SAMPLED_AT)
SCOPE: Final = "https://www.googleapis.com/auth/datamanager"
ADWORDS: Final = "https://www.googleapis.com/auth/adwords"
UPLOAD: Final = "/v26/customers/1234567890:uploadClickConversions"
UPLOAD_BODY: Final[dict[str, Any]] = {"conversions": [], "partialFailure": True}
BEARER: Final = "urn:ietf:params:oauth:grant-type:jwt-bearer"


class Scene:
    """The endpoint beside the platforms, a client, and an account with its key. `now` is the clock of all."""

    def __init__(self, service: TokenService, platforms: Platforms, client: ClientSession) -> None:
        self.now: float = NOW
        self.service = service
        self.platforms = platforms
        self.client = client
        self.document: dict[str, Any] = json.loads(service.make_account())

    async def ask(self, **form: str) -> tuple[int, Any]:
        """Post a form; status and answer."""
        assert self.platforms.token_url is not None
        async with self.client.post(self.platforms.token_url, data=FormData(form)) as answer:
            assert parsedate_to_datetime(answer.headers["Date"]).timestamp() == int(self.now)
            return answer.status, await answer.json()

    async def send(self, token: str, path: str = GOOGLE) -> tuple[int, Any]:
        """Post an event to Google with this token."""
        body = google_body() if path == GOOGLE else UPLOAD_BODY
        url = self.platforms.base_urls[Destination.GOOGLE_ADS] + path
        async with self.client.post(url, json=body, headers={"Authorization": f"Bearer {token}"}) as answer:
            return answer.status, await answer.json()

    async def token(self, **claims: Any) -> str:
        """Get a token with an assertion."""
        status, answer = await self.ask(grant_type=BEARER, assertion=self.assertion(**claims))
        assert status == 200, answer
        return str(answer["access_token"])

    def assertion(self, header: object = None, **claims: Any) -> str:
        """Sign claims with the account's key; those that are usual are filled in."""
        usual = {"iss": self.document["client_email"], "scope": SCOPE, "aud": AUDIENCE, "iat": NOW, "exp": NOW + 3600}
        parts = [header or {"alg": "RS256", "typ": "JWT"}, usual | claims]
        signed = ".".join(encoded(json.dumps(part).encode()) for part in parts)
        key = load_pem_private_key(self.document["private_key"].encode(), None)
        assert isinstance(key, RSAPrivateKey)
        return f"{signed}.{encoded(key.sign(signed.encode(), PKCS1v15(), SHA256()))}"


def encoded(content: bytes) -> str:
    """Write base64url without padding."""
    return base64.urlsafe_b64encode(content).decode().rstrip("=")


@pytest_asyncio.fixture
async def scene() -> AsyncIterator[Scene]:
    """All running."""
    service = TokenService(clock=lambda: made.now)
    async with (
        Platforms.start(token_service=service, clock=lambda: NOW) as platforms,
        ClientSession() as client,
    ):
        made = Scene(service, platforms, client)
        yield made


# ── tokens ───────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_an_assertion_of_googles_own_library_is_taken(scene: Scene) -> None:
    """What google-auth would send is right by definition."""
    theirs = google_account.from_service_account_info(scene.document, scopes=[SCOPE])
    made = theirs._make_authorization_grant_assertion()
    scene.now = json.loads(base64.urlsafe_b64decode(made.split(b".")[1] + b"=="))["iat"]
    status, answer = await scene.ask(grant_type=BEARER, assertion=made.decode())
    assert status == 200
    assert answer.keys() == {"access_token", "expires_in", "token_type"}
    assert scene.service.accepts(answer["access_token"])


async def test_a_refresh_token_is_taken(scene: Scene) -> None:
    """And the scopes that the person gave are named."""
    user = json.loads(scene.service.make_user())
    form = {name: user[name] for name in ("client_id", "client_secret", "refresh_token")}
    status, answer = await scene.ask(grant_type="refresh_token", **form)
    assert status == 200
    assert SCOPE in answer["scope"].split()


async def test_google_takes_exactly_the_tokens_that_were_given_out(scene: Scene) -> None:
    """Others, expired ones and those whose time is over are refused with Google's own reason."""
    _, answer = await scene.ask(grant_type=BEARER, assertion=scene.assertion())
    token = answer["access_token"]
    assert (await scene.send(token))[0] == 200
    assert (await scene.send("sandbox-google-token"))[0] == 401
    scene.now += 3599
    status, said = await scene.send(token)
    assert status == 401
    assert "ACCESS_TOKEN_EXPIRED" in json.dumps(said)
    scene.now = NOW
    assert (await scene.send(token))[0] == 200
    scene.service.expire()
    assert (await scene.send(token))[0] == 401


@pytest.mark.parametrize(
    ("scope", "opened"), [(SCOPE, {GOOGLE}), (ADWORDS, {UPLOAD}), (f"{SCOPE} {ADWORDS}", {GOOGLE, UPLOAD})]
)
async def test_a_token_opens_what_it_was_asked_for_and_nothing_else(scene: Scene, scope: str, opened: set[str]) -> None:
    """Neither scope opens the other service; several are asked for with blanks between them."""
    token = await scene.token(scope=scope)
    for path in (GOOGLE, UPLOAD):
        status, said = await scene.send(token, path)
        assert (status == 403) is (path not in opened)
        assert ("ACCESS_TOKEN_SCOPE_INSUFFICIENT" in json.dumps(said)) is (path not in opened)


async def test_a_question_needs_the_scope_too(scene: Scene) -> None:
    """What became of a request is told to who may send one."""
    url = f"{scene.platforms.base_urls[Destination.GOOGLE_ADS]}/v1/requestStatus:retrieve?requestId=x"
    for scope, status in ((ADWORDS, 403), (SCOPE, 400)):
        headers = {"Authorization": f"Bearer {await scene.token(scope=scope)}"}
        async with scene.client.get(url, headers=headers) as answer:
            assert answer.status == status


async def test_a_person_gives_what_a_person_has_consented_to(scene: Scene) -> None:
    """A refresh token's access tokens are good for the scopes that were granted, and the answer names them."""
    user = json.loads(scene.service.make_user(scopes=frozenset({ADWORDS})))
    form = {name: user[name] for name in ("client_id", "client_secret", "refresh_token")}
    _, answer = await scene.ask(grant_type="refresh_token", **form)
    assert answer["scope"] == ADWORDS
    assert (await scene.send(answer["access_token"]))[0] == 403


async def test_a_token_for_something_else_opens_nothing(scene: Scene) -> None:
    """It is a token, so it is no 401."""
    scene.service.meet(Trouble.OTHER_SCOPE)
    assert (await scene.send(await scene.token()))[0] == 403


# ── refusals ─────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("claims", "error"),
    [
        ({"iss": "nobody@x.example"}, "invalid_grant"),
        ({"iss": None}, "invalid_grant"),
        ({"aud": "https://evil.example"}, "invalid_grant"),
        ({"exp": NOW + 3601}, "invalid_grant"),
        ({"exp": NOW}, "invalid_grant"),
        ({"exp": "soon"}, "invalid_grant"),
        ({"iat": None}, "invalid_grant"),
        ({"iat": NOW + 61, "exp": NOW + 3600}, "invalid_grant"),
        ({"iat": NOW - 3600, "exp": NOW - 61}, "invalid_grant"),
        ({"scope": "https://www.googleapis.com/auth/everything"}, "invalid_scope"),
        ({"scope": None}, "invalid_scope"),
        ({"scope": ""}, "invalid_scope"),
        ({"scope": [SCOPE]}, "invalid_scope"),
        ({"scope": f"{SCOPE} https://www.googleapis.com/auth/everything"}, "invalid_scope"),
        ({"aud": [AUDIENCE, "https://evil.example"]}, "invalid_grant"),
        ({"iat": True, "exp": 3600}, "invalid_grant"),
        ({"exp": float("nan")}, "invalid_grant"),
    ],
)
async def test_a_claim_that_breaks_a_rule_is_refused(scene: Scene, claims: dict[str, Any], error: str) -> None:
    """Issuer, audience, times and scope."""
    status, answer = await scene.ask(grant_type=BEARER, assertion=scene.assertion(**claims))
    assert (status, answer["error"]) == (400, error)


async def test_a_signature_of_another_key_is_refused(scene: Scene) -> None:
    """As after the key was replaced."""
    scene.service.make_account(scene.document["client_email"])
    assert (await scene.ask(grant_type=BEARER, assertion=scene.assertion()))[1]["error"] == "invalid_grant"


@pytest.mark.parametrize("header", [{"alg": "none", "typ": "JWT"}, {"alg": "HS256", "typ": "JWT"}, {"alg": "RS256"}])
async def test_another_algorithm_is_refused(scene: Scene, header: dict[str, str]) -> None:
    """Only RS256, said as a JWT says it."""
    assert (await scene.ask(grant_type=BEARER, assertion=scene.assertion(header)))[1]["error"] == "invalid_grant"


@pytest.mark.parametrize("assertion", ["", "a.b", "a.b.c.d", "e30.e30.e30=", "!.!.!", "W10.W10.W10", "e30.W10.W10"])
async def test_what_is_no_assertion_is_refused(scene: Scene, assertion: str) -> None:
    """Parts missing, padded, not base64url, or no objects."""
    assert (await scene.ask(grant_type=BEARER, assertion=assertion))[1]["error"] == "invalid_grant"


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ("client_id", (401, "invalid_client")),
        ("client_secret", (401, "invalid_client")),
        ("refresh_token", (400, "invalid_grant")),
    ],
)
async def test_a_client_and_its_token_have_to_be_right(scene: Scene, changed: str, expected: tuple[int, str]) -> None:
    """Each of the three."""
    user = json.loads(scene.service.make_user()) | {changed: "other"}
    form = {name: user[name] for name in ("client_id", "client_secret", "refresh_token")}
    status, answer = await scene.ask(grant_type="refresh_token", **form)
    assert (status, answer["error"]) == expected


async def test_nobody_is_impersonated(scene: Scene) -> None:
    """A `sub` asks to act for a person, which an administrator has to have allowed; the account itself it may name."""
    status, answer = await scene.ask(grant_type=BEARER, assertion=scene.assertion(sub="jane@shop.example"))
    assert (status, answer["error"]) == (401, "unauthorized_client")
    assert await scene.token(sub=scene.document["client_email"])


@pytest.mark.parametrize("twice", [True, False])
async def test_a_form_is_a_form_and_names_nothing_twice(scene: Scene, twice: bool) -> None:
    """Parameters that are repeated, or come in another encoding, are no request (RFC 6749, 3.2 and appendix B)."""
    assert scene.platforms.token_url is not None
    fields = [("grant_type", BEARER), ("assertion", scene.assertion())]
    body = FormData(fields + fields[:1]) if twice else json.dumps(dict(fields))
    headers = {} if twice else {"Content-Type": "application/json"}
    async with scene.client.post(scene.platforms.token_url, data=body, headers=headers) as answer:
        assert (answer.status, (await answer.json())["error"]) == (400, "invalid_request")


async def test_a_token_is_not_to_be_kept_on_the_way(scene: Scene) -> None:
    """As RFC 6749, 5.1 asks of every answer with a token in it."""
    assert scene.platforms.token_url is not None
    form = {"grant_type": BEARER, "assertion": scene.assertion()}
    async with scene.client.post(scene.platforms.token_url, data=FormData(form)) as answer:
        assert answer.headers["Cache-Control"] == "no-store"


async def test_another_grant_is_not_supported(scene: Scene) -> None:
    """Nor is none."""
    for form in ({"grant_type": "password"}, {"x": "y"}):
        assert (await scene.ask(**form))[1]["error"] == "unsupported_grant_type"


async def test_troubles_come_in_their_order_and_end(scene: Scene) -> None:
    """One request each; what came is noted without anything secret."""
    scene.service.meet(Trouble.INVALID_CLIENT, Trouble.OTHER_SCOPE)
    form = {"grant_type": BEARER, "assertion": scene.assertion()}
    assert await scene.ask(**form) == (401, {"error": "invalid_client", "error_description": "The OAuth client was not found."})
    assert (await scene.ask(**form))[1]["scope"] == "openid"
    assert (await scene.ask(**form))[0] == 200
    assert [(asked.grant_type, asked.status) for asked in scene.service.asked] == [(BEARER, 401), (BEARER, 200), (BEARER, 200)]
