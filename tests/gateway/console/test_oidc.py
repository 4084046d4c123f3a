"""Signing in by an identity provider, against an issuer at the wire that can be made to lie."""

import asyncio
import base64
import hashlib
import hmac
import json
import os
import re
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qs, parse_qsl, urlsplit

import aiohttp
import jwt
import pytest
from aiohttp import web
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa

from gateway.console import oidc
from gateway.console.attempts import NETWORK_FREE
from gateway.console.oidc import called, is_private, read_key
from gateway.settings import load
from gateway.signing.entry import Login, LoginRefused
from tests.gateway.console.test_site import Scene, site
from tests.live import hold

CLIENT: Final = "gateway+client"
SECRET: Final = "s3cret/with:signs"
RSA: Final = rsa.generate_private_key(public_exponent=65_537, key_size=2048)
WEAK: Final = rsa.generate_private_key(public_exponent=65_537, key_size=1024)  # noqa: S505 - what must not count
EC: Final = ec.generate_private_key(ec.SECP256R1())
P384: Final = ec.generate_private_key(ec.SECP384R1())
STRANGER: Final = rsa.generate_private_key(public_exponent=65_537, key_size=2048)

Keys = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey
Change = Callable[[dict[str, Any]], dict[str, Any]]


def jwk(key: Keys, kid: str, **more: str) -> dict[str, Any]:
    """Publish a key."""
    match key:
        case rsa.RSAPrivateKey():
            made = jwt.algorithms.RSAAlgorithm.to_jwk(key.public_key(), as_dict=True)
        case _:
            made = jwt.algorithms.ECAlgorithm.to_jwk(key.public_key(), as_dict=True)
    return {**made, "kid": kid, "use": "sig", **more}


class Issuer:
    """An identity provider as far as the code flow goes: it holds callers to the protocol, and signs what it is told to."""

    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}/realms/shop"
        self.claims: dict[str, Any] = {"sub": "u-17", "preferred_username": "Grace", "groups": ["staff", "dpo"]}
        self.key: Keys = RSA
        self.kid = "r1"
        self.algorithm = "RS256"
        self.keys = [jwk(RSA, "r1"), jwk(EC, "e1")]
        self.token: Callable[[dict[str, Any]], str] = self.sign
        self.described: dict[str, Any] = {}
        self.instead: dict[str, str] = {}
        """What it answers with at a path in place of what belongs there."""
        self.status = 200
        self.in_pieces = False
        self.asked: list[str] = []
        self._codes: dict[str, dict[str, str]] = {}

    def sign(self, claims: dict[str, Any]) -> str:
        """Sign an ID token."""
        return jwt.encode(claims, self.key, self.algorithm, headers={"kid": self.kid})

    def authorise(self, url: str) -> dict[str, str]:
        """Do as the provider's own pages do when somebody has signed in there; what the browser is sent back with."""
        parts = urlsplit(url)
        assert url.startswith(f"{self.url}/auth?")
        asked = {name: values[0] for name, values in parse_qs(parts.query).items()}
        assert (asked["response_type"], asked["client_id"], asked["code_challenge_method"]) == ("code", CLIENT, "S256")
        assert "openid" in asked["scope"].split()
        code = f"code{len(self._codes)}"
        self._codes[code] = asked
        return {"code": code, "state": asked["state"]}

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer the gateway."""
        told = await self._answer(request)
        if not self.in_pieces or not isinstance(told.body, bytes):
            return told
        response = web.StreamResponse(headers={"Content-Type": "application/json"})
        await response.prepare(request)
        for piece in (told.body[:20], told.body[20:]):
            await response.write(piece)
            await asyncio.sleep(0.02)
        return response

    async def _answer(self, request: web.BaseRequest) -> web.Response:
        path = request.path.removeprefix("/realms/shop")
        self.asked.append(path)
        if self.status != 200:
            return web.Response(status=self.status, headers={"Location": "http://127.0.0.1:9/"})
        if path in self.instead:
            return web.Response(text=self.instead[path])
        match path:
            case "/.well-known/openid-configuration":
                ends = {"authorization_endpoint": "auth", "token_endpoint": "token", "jwks_uri": "keys"}
                told = {"issuer": self.url, **{name: f"{self.url}/{end}" for name, end in ends.items()}, **self.described}
                return web.json_response(told)
            case "/keys":
                return web.json_response({"keys": self.keys})
            case _:
                return await self._exchange(request)

    async def _exchange(self, request: web.BaseRequest) -> web.Response:
        form = dict(parse_qsl((await request.read()).decode()))
        asked = self._codes.pop(form.get("code", ""), None)
        expected = base64.b64encode(b"gateway%2Bclient:s3cret%2Fwith%3Asigns").decode()
        challenge = base64.urlsafe_b64encode(hashlib.sha256(form.get("code_verifier", "").encode()).digest()).rstrip(b"=")
        if (
            asked is None
            or request.headers.get("Authorization") != f"Basic {expected}"
            or form["grant_type"] != "authorization_code"
            or form["redirect_uri"] != asked["redirect_uri"]
            or challenge.decode() != asked["code_challenge"]
        ):
            return web.json_response({"error": "invalid_grant"}, status=400)
        now = int(time.time())
        claims = {"iss": self.url, "aud": CLIENT, "iat": now, "exp": now + 300, "nonce": asked["nonce"], **self.claims}
        return web.json_response({"token_type": "Bearer", "access_token": "unused", "id_token": self.token(claims)})


class Elsewhere:
    """A gateway whose people sign in at the issuer."""

    def __init__(self, scene: Scene, issuer: Issuer) -> None:
        self.scene = scene
        self.issuer = issuer

    async def begin(self, to: str = "/") -> tuple[str, dict[str, str]]:
        """Begin a sign-in: where the browser is sent, and its cookie."""
        status, answer, _ = await self.scene.ask(("GET", f"/sign-in/oidc?next={to}"))
        assert status == 303
        cookie = re.match(r"__Host-oidc=[^;]+", answer.headers["Set-Cookie"])
        assert cookie is not None
        assert {"Secure", "HttpOnly", "SameSite=Lax"} <= set(answer.headers["Set-Cookie"].split("; "))
        return answer.headers["Location"], {"Cookie": cookie[0]}

    async def come_back(self, query: Mapping[str, str], cookie: Mapping[str, str]) -> tuple[int, aiohttp.ClientResponse, str]:
        """Come back from the provider."""
        said = "&".join(f"{name}={value}" for name, value in query.items())
        return await self.scene.ask(("GET", f"/sign-in/oidc/callback?{said}"), cookie)

    async def sign_in(self, to: str = "/") -> tuple[int, str]:
        """Go the whole way; the status, and the session's cookie or nothing."""
        url, cookie = await self.begin(to)
        status, answer, _ = await self.come_back(self.issuer.authorise(url), cookie)
        found = re.match(r"__Host-console=[^;]+", answer.headers.get("Set-Cookie", ""))
        return status, "" if found is None else found[0]


@asynccontextmanager
async def issuing() -> AsyncIterator[Issuer]:
    """Run an issuer."""
    port = hold()
    issuer = Issuer(port)
    runner = web.ServerRunner(web.Server(issuer.handle))
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    try:
        yield issuer
    finally:
        await runner.cleanup()


@pytest.fixture
async def elsewhere(tmp_path: Path) -> AsyncIterator[Elsewhere]:
    """A gateway and its issuer."""
    async with issuing() as issuer:
        secret = tmp_path / "oidc.secret"
        secret.write_text(SECRET)
        secret.chmod(0o600)
        table = f"""
[console.oidc]
issuer = {json.dumps(issuer.url)}
client_id = {json.dumps(CLIENT)}
client_secret = "file:{secret}"
public_url = "http://127.0.0.1:1"
label = "Shop login"
roles = {{ dpo = "privacy", ads = "marketer" }}
"""
        async with site(tmp_path, table) as scene:
            yield Elsewhere(scene, issuer)


async def test_somebody_of_the_provider_signs_in(elsewhere: Elsewhere) -> None:
    """Called as the provider calls them, with the roles that their groups give, on the page that they wanted."""
    _, _, page = await elsewhere.scene.ask(("GET", "/sign-in"))
    assert "Sign in with Shop login" in page
    url, cookie = await elsewhere.begin("/?storefront=shop")
    status, answer, _ = await elsewhere.come_back(elsewhere.issuer.authorise(url), cookie)
    assert (status, answer.headers["Location"]) == (303, "/?storefront=shop")
    _, session = await elsewhere.sign_in("%2F%3Fstorefront%3Dshop")
    status, _, page = await elsewhere.scene.ask(("GET", "/"), {"Cookie": session})
    assert (status, "Grace" in page) == (200, True)
    assert (await elsewhere.scene.ask(("GET", "/people"), {"Cookie": session}))[0] == 403
    logins = [one for one in await elsewhere.scene.entries() if isinstance(one, Login)]
    assert [one.role.value for one in logins] == ["privacy", "privacy"]
    assert len({one.account for one in logins}) == 1


async def test_an_answer_may_come_in_pieces(elsewhere: Elsewhere) -> None:
    """As those of some kilobytes do over a network, and any whose end comes in a packet of its own."""
    elsewhere.issuer.in_pieces = True
    assert (await elsewhere.sign_in())[0] == 303


@pytest.mark.parametrize("at", ["https://[", "https://provider.example/a\r\nSet-Cookie: a=b", "https://provider.example/é"])
async def test_an_address_that_is_none_is_not_gone_to(elsewhere: Elsewhere, at: str) -> None:
    """What a provider says of itself may be anything; what is no address ends the sign-in, and is no fault of the gateway's."""
    elsewhere.issuer.described["authorization_endpoint"] = at
    status, answer, _ = await elsewhere.scene.ask(("GET", "/sign-in/oidc"))
    assert (status, "Location" in answer.headers) == (403, False)


async def test_a_name_at_the_provider_is_not_an_account_here(elsewhere: Elsewhere) -> None:
    """Whoever may choose what they are called there must not become an operator's name in the signed log here."""
    elsewhere.issuer.claims["preferred_username"] = "oli"
    await elsewhere.sign_in()
    await elsewhere.scene.sign_in("oli")
    one, other = [one for one in await elsewhere.scene.entries() if isinstance(one, Login)]
    assert one.account != other.account


async def test_keys_of_both_kinds_count_and_are_looked_for_when_they_change(elsewhere: Elsewhere) -> None:
    """A provider rotates its keys; one that is not known is looked for, and not again for a while."""
    elsewhere.issuer.key, elsewhere.issuer.kid, elsewhere.issuer.algorithm = EC, "e1", "ES256"
    assert (await elsewhere.sign_in())[0] == 303
    asked = elsewhere.issuer.asked
    assert asked.count("/keys") == 1
    elsewhere.issuer.kid = "unheard"
    for _ in range(3):
        assert (await elsewhere.sign_in())[0] == 403
    assert asked.count("/keys") == 1
    assert asked.count("/.well-known/openid-configuration") == 1


def without(*names: str) -> Change:
    """Leave claims out."""
    return lambda claims: {name: value for name, value in claims.items() if name not in names}


def saying(**more: Any) -> Change:
    """Say something else."""
    return lambda claims: {**claims, **more}


NOW: Final = int(time.time())


@pytest.mark.parametrize(
    "change",
    [
        saying(aud="another"),
        saying(aud=["another"]),
        saying(aud=[CLIENT, "another"]),
        saying(aud=[CLIENT, "another"], azp="another"),
        saying(azp="another"),
        saying(iss="https://evil.example"),
        saying(exp=NOW - 3600),
        saying(iat=NOW + 3600),
        saying(nbf=NOW + 3600),
        saying(nonce="another"),
        saying(nonce=None),
        saying(sub=""),
        saying(sub="x" * 300),
        saying(exp="soon"),
        *(without(name) for name in ("aud", "iss", "exp", "iat", "sub", "nonce")),
    ],
)
async def test_a_token_that_breaks_a_rule_lets_nobody_in(elsewhere: Elsewhere, change: Change) -> None:
    """Made for another, by another, too old, too young, not of this sign-in, or with a claim left out."""
    elsewhere.issuer.token = lambda claims: elsewhere.issuer.sign(change(claims))
    assert await elsewhere.sign_in() == (403, "")
    elsewhere.issuer.token = elsewhere.issuer.sign
    assert (await elsewhere.sign_in())[0] == 303


def unsigned(claims: dict[str, Any]) -> str:
    """Sign with nothing at all."""
    return jwt.encode(claims, "", "none")


def with_the_public_key(claims: dict[str, Any]) -> str:
    """Sign with what everybody knows, as if it were a shared secret."""
    public = RSA.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    parts = [{"alg": "HS256", "kid": "r1", "typ": "JWT"}, claims]
    signed = b".".join(base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=") for part in parts)
    tag = base64.urlsafe_b64encode(hmac.digest(public, signed, "sha256")).rstrip(b"=")
    return (signed + b"." + tag).decode()


def by(key: Keys, algorithm: str, kid: str = "r1") -> Callable[[dict[str, Any]], str]:
    """Sign with another key."""
    return lambda claims: jwt.encode(claims, key, algorithm, headers={"kid": kid})


def made_of(header: str, claims: str = "{}") -> Callable[[dict[str, Any]], str]:
    """Put a token together from JSON that no library writes, signed by the published key."""

    def token(_claims: dict[str, Any]) -> str:
        signed = b".".join(base64.urlsafe_b64encode(part.encode()).rstrip(b"=") for part in (header, claims))
        tag = RSA.sign(signed, padding.PKCS1v15(), hashes.SHA256())
        return (signed + b"." + base64.urlsafe_b64encode(tag).rstrip(b"=")).decode()

    return token


GOOD_HEADER: Final = '{"alg": "RS256", "kid": "r1"}'
DEEP: Final = "[" * 10_000 + "]" * 10_000
NUMBER: Final = "9" * 5000


@pytest.mark.parametrize(
    "token",
    [
        made_of('{"alg": ["RS256"], "kid": "r1"}'),
        made_of('{"alg": {}, "kid": "r1"}'),
        made_of(f'{{"alg": "RS256", "kid": "r1", "x": {DEEP}}}'),
        made_of(f'{{"alg": "RS256", "kid": "r1", "x": {NUMBER}}}'),
        made_of('{"alg": "RS256", "kid": "\\ud800"}'),
        made_of(GOOD_HEADER, DEEP),
        made_of(GOOD_HEADER, f'{{"exp": {NUMBER}}}'),
        *(
            lambda claims, more=more: made_of(GOOD_HEADER, f"{json.dumps(claims)[:-1]}, {more}}}")(claims)
            for more in (
                '"exp": Infinity',
                '"iat": 1e999',
                '"nbf": -Infinity',
                '"nonce": "\\ud800"',
                f'"nonce": {DEEP}',
                '"aud": [{}]',
            )
        ),
    ],
)
async def test_a_token_that_no_library_writes_lets_nobody_in(
    elsewhere: Elsewhere, token: Callable[[dict[str, Any]], str]
) -> None:
    """An algorithm that is a list, numbers without end, nesting without end, half a character: refused, and no crash."""
    elsewhere.issuer.token = token
    assert await elsewhere.sign_in() == (403, "")


@pytest.mark.parametrize("path", ["/.well-known/openid-configuration", "/token", "/keys"])
@pytest.mark.parametrize(
    "said", [DEEP, f'{{"x": {DEEP}}}', NUMBER, "\ud7ff", "", f'{{"keys": [{{"kid": {NUMBER}}}]}}', '{"keys": 7}']
)
async def test_a_provider_that_answers_with_what_nobody_can_read_lets_nobody_in(
    elsewhere: Elsewhere, path: str, said: str
) -> None:
    """Wherever it says so: refused, and no crash."""
    elsewhere.issuer.instead = {path: said}
    if path.startswith("/."):
        assert (await elsewhere.scene.ask(("GET", "/sign-in/oidc")))[0] == 403
    else:
        assert await elsewhere.sign_in() == (403, "")


@pytest.mark.parametrize(
    "token",
    [
        unsigned,
        with_the_public_key,
        by(STRANGER, "RS256"),
        by(RSA, "RS384"),
        by(RSA, "PS256"),
        by(EC, "ES256"),
        by(RSA, "RS256", "e1"),
        by(RSA, "RS256", "weak"),
        by(WEAK, "RS256", "weak"),
        by(P384, "ES384", "p384"),
        lambda _claims: "",
        lambda _claims: "a.b.c",
        lambda _claims: "x" * 100_000,
        lambda claims: by(RSA, "RS256")(claims)[:-4] + "AAAA",
    ],
)
async def test_a_token_that_is_not_signed_by_a_published_key_lets_nobody_in(
    elsewhere: Elsewhere, token: Callable[[dict[str, Any]], str]
) -> None:
    """Unsigned, signed by the public key as a secret, by a stranger, with another algorithm, by a weak key, broken."""
    elsewhere.issuer.keys += [jwk(WEAK, "weak"), jwk(P384, "p384")]
    elsewhere.issuer.token = token
    assert await elsewhere.sign_in() == (403, "")


async def test_a_state_is_good_once_and_for_the_browser_that_has_it(
    elsewhere: Elsewhere, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Replayed, made up, of another browser, without its cookie, or too old, it is nothing."""
    url, cookie = await elsewhere.begin()
    back = elsewhere.issuer.authorise(url)
    assert (await elsewhere.come_back(back, {}))[0] == 403
    assert (await elsewhere.come_back(back, cookie))[0] == 403, "it was used up"
    url, cookie = await elsewhere.begin()
    back = elsewhere.issuer.authorise(url)
    assert (await elsewhere.come_back(back, cookie))[0] == 303
    assert (await elsewhere.come_back(back, cookie))[0] == 403
    url, cookie = await elsewhere.begin()
    _, another = await elsewhere.begin()
    assert (await elsewhere.come_back(elsewhere.issuer.authorise(url), another))[0] == 403
    assert (await elsewhere.come_back({"code": "x", "state": "made-up"}, {"Cookie": "__Host-oidc=made-up"}))[0] == 403
    url, cookie = await elsewhere.begin()
    monkeypatch.setattr(oidc, "PENDING_SECONDS", -1.0)
    assert (await elsewhere.come_back(elsewhere.issuer.authorise(url), cookie))[0] == 403


@pytest.mark.parametrize("more", [{"error": "access_denied"}, {}, {"iss": "https://evil.example", "code": "x"}])
async def test_a_provider_that_says_no_lets_nobody_in(elsewhere: Elsewhere, more: dict[str, str]) -> None:
    """Also an answer without a code, and one that says it is another issuer's (RFC 9207)."""
    url, cookie = await elsewhere.begin()
    state = elsewhere.issuer.authorise(url)["state"]
    status, _, page = await elsewhere.come_back({"state": state, **more}, cookie)
    assert (status, "did not let you in" in page) == (403, True)
    assert elsewhere.scene.counted == {"provider": 1}


@pytest.mark.parametrize("claims", [{"groups": ["staff"]}, {"groups": "staff"}, {"groups": None}, {"groups": [7]}, {}])
async def test_whom_no_role_is_mapped_to_does_not_get_in(elsewhere: Elsewhere, claims: dict[str, Any]) -> None:
    """Deny by default; it is in the signed log as a refusal."""
    elsewhere.issuer.claims = {"sub": "u-18", **claims}
    assert await elsewhere.sign_in() == (403, "")
    await elsewhere.scene.sign_in("oli")  # whose entry stands after that of the refusal
    assert elsewhere.scene.counted == {"role": 1, "signed_in": 1}
    assert any(isinstance(one, LoginRefused) for one in await elsewhere.scene.entries())


async def test_coming_back_for_nothing_slows_down(elsewhere: Elsewhere) -> None:
    """Each time the provider is asked and the signed log grows; a sign-in by password is not slowed down by it."""

    async def made_up() -> tuple[int, aiohttp.ClientResponse, str]:
        url, cookie = await elsewhere.begin()
        return await elsewhere.come_back({"state": elsewhere.issuer.authorise(url)["state"], "code": "made-up"}, cookie)

    for _ in range(NETWORK_FREE):
        assert (await made_up())[0] == 403
    asked = len(elsewhere.issuer.asked)
    status, answer, page = await made_up()
    assert (status, answer.headers["Retry-After"], "Too many tries" in page) == (429, "1", True)
    assert len(elsewhere.issuer.asked) == asked
    assert elsewhere.scene.counted == {"provider": NETWORK_FREE, "wait": 1}
    assert (await elsewhere.scene.sign_in("oli"))[0] == 303


async def test_who_signs_in_is_not_slowed_down(elsewhere: Elsewhere) -> None:
    """A whole office may sit behind one address; nor does a page of before that is loaded anew count."""
    for _ in range(NETWORK_FREE + 2):
        assert (await elsewhere.sign_in())[0] == 303
        assert (await elsewhere.come_back({"state": "x", "code": "y"}, {}))[0] == 403


async def test_who_begins_very_often_forgets_nobody_elses_sign_in(
    elsewhere: Elsewhere, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only so many are remembered, of all and of one network: one that fills them has its own oldest forgotten."""
    monkeypatch.setattr(oidc, "MOST_OF_ONE_NETWORK", 3)
    monkeypatch.setattr(oidc, "MOST_PENDING", 5)
    settings = load(elsewhere.scene.installation.config, os.environ).console.oidc
    assert settings is not None
    provider = oidc.Provider(settings)
    try:
        mine = await provider.begin("/", "mine")
        others = [await provider.begin("/", "other") for _ in range(9)]
        assert isinstance(mine, oidc.Begun)
        assert isinstance(others[0], oidc.Begun)
        assert await provider.finish({"state": others[0].state}, others[0].state) is oidc.Denied.STATE
        assert await provider.finish({"state": mine.state}, mine.state) is oidc.Denied.PROVIDER, (
            "it brings no code, and is known"
        )
    finally:
        await provider.close()


@pytest.mark.parametrize("status", [302, 404, 500])
async def test_a_provider_in_trouble_is_not_followed(elsewhere: Elsewhere, status: int) -> None:
    """Nobody follows its redirects; the page says that it did not work, and passwords go on to."""
    elsewhere.issuer.status = status
    found, _, page = await elsewhere.scene.ask(("GET", "/sign-in/oidc"))
    assert (found, "did not let you in" in page) == (403, True)
    assert elsewhere.scene.counted == {"provider": 1}
    assert (await elsewhere.scene.sign_in("oli"))[0] == 303


@pytest.mark.parametrize(
    "described",
    [
        {"issuer": "https://evil.example"},
        {"token_endpoint": "http://evil.example/token"},
        {"jwks_uri": "file:///etc/passwd"},
        {"authorization_endpoint": "javascript:alert(1)"},
        {"jwks_uri": 7},
        {"padding": "x" * 300_000},
    ],
)
async def test_a_description_that_leads_elsewhere_is_refused(elsewhere: Elsewhere, described: dict[str, Any]) -> None:
    """Of another issuer, without TLS, to what is no host, of another form, too long."""
    elsewhere.issuer.described = described
    assert (await elsewhere.scene.ask(("GET", "/sign-in/oidc")))[0] == 403


async def test_without_a_provider_there_is_no_such_way(tmp_path: Path) -> None:
    """And the page to sign in does not offer it."""
    async with site(tmp_path) as scene:
        assert (await scene.ask(("GET", "/sign-in/oidc")))[0] == 403
        assert (await scene.ask(("GET", "/sign-in/oidc/callback?code=x&state=y")))[0] == 403
        assert "/sign-in/oidc" not in (await scene.ask(("GET", "/sign-in")))[2]


@pytest.mark.parametrize(
    ("key", "algorithm", "good"),
    [
        (jwk(RSA, "x"), "RS256", True),
        (jwk(EC, "x"), "ES256", True),
        (jwk(RSA, "x"), "ES256", False),
        (jwk(EC, "x"), "RS256", False),
        (jwk(WEAK, "x"), "RS256", False),
        (jwk(P384, "x"), "ES256", False),
        (jwk(RSA, "x", alg="RS512"), "RS256", False),
        ({"kty": "RSA"}, "RS256", False),
        ({"kty": "RSA", "n": 7, "e": []}, "RS256", False),
        ({"kty": "oct", "k": "c2VjcmV0"}, "RS256", False),
    ],
)
def test_a_key_counts_for_its_own_algorithm(key: dict[str, Any], algorithm: str, good: bool) -> None:
    """Of its kind, on its curve, and strong."""
    assert (read_key(key, algorithm) is not None) is good


@pytest.mark.parametrize(
    ("url", "private"),
    [
        ("https://login.example/x", True),
        ("http://127.0.0.1:1/x", True),
        ("http://localhost/x", True),
        ("http://login.example/x", False),
        ("https:///x", False),
        ("ftp://127.0.0.1/x", False),
        ("", False),
    ],
)
def test_nobody_on_the_way_reads_along(url: str, private: bool) -> None:
    """TLS, or this machine."""
    assert is_private(url) is private


@pytest.mark.parametrize(
    ("said", "name"),
    [("Grace", "Grace"), (" Grace ", "Grace"), ("", "u-17"), (None, "u-17"), ("x" * 61, "u-17"), ("a\nb", "u-17"), (7, "u-17")],
)
def test_somebody_is_called_by_a_name(said: object, name: str) -> None:
    """What the provider says, if it is a name; else by what it knows them by."""
    assert called(said, "u-17") == name
