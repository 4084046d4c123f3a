"""A static token is the secret it was made of."""

from gateway.delivery.credentials import Credential, StaticToken
from gateway.secret import Secret


async def test_a_static_token_is_always_the_same() -> None:
    """It gives its secret each time, and does not print it."""
    credential: Credential = StaticToken(Secret("tok-canary"))
    assert await credential.token() == await credential.token() == Secret("tok-canary")
    assert "canary" not in repr(credential)
