"""One page per ad platform. Only `gateway.settings` knows which exist."""

from typing import Final

from adapters.google_ads import GoogleAds
from adapters.meta import Meta
from adapters.pinterest import Pinterest
from gateway.adapter import Adapter

ADAPTERS: Final[tuple[type[Adapter], ...]] = (Meta, Pinterest, GoogleAds)
"""Every platform there is, one class each; `destination` is its key in the configuration."""
