"""What a destination is entered with, as the configuration says it.

It stands apart from the credentials that are made of it, so that reading a configuration needs no HTTP client.
"""

from collections.abc import Mapping

import msgspec

from gateway.delivery.grants import Grant
from gateway.references import Referent
from gateway.secret import Secret


class Login(msgspec.Struct, frozen=True):
    """What the configuration says of a destination's access, every reference followed and found usable.

    `credential` leads to a token or to a key document, `secrets` to the adapter's further ones by name.
    """

    credential: Referent[Secret | Grant]
    secrets: Mapping[str, Referent[Secret]]
