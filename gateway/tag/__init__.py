"""The browser's tag and Shopify's pixel: what a shop puts into its pages, and the lines that put it there.

`tag.js` is read by people and `tag.min.js`, made of it by `make tag`, by browsers; a test holds the two together. The tag keeps
to one promise before all others: before a visitor's yes nothing is sent and nothing is stored.
"""

import gzip
from base64 import b64encode
from hashlib import sha384
from importlib.resources import files
from typing import Final

TAG: Final = files(__name__).joinpath("tag.min.js").read_bytes()
TAG_GZIPPED: Final = gzip.compress(TAG, 9, mtime=0)
INTEGRITY: Final = f"sha384-{b64encode(sha384(TAG).digest()).decode()}"
"""What a page says of the tag, so that its browser runs no other (https://www.w3.org/TR/SRI/, read 2026-11-26)."""
VERSION: Final = sha384(TAG).hexdigest()[:12]
"""In the tag's address (`/tag.js?v=…`) when a page names its integrity: with that, it is kept for a year."""
ROUTE: Final = "/tag.js"
MOST_GZIPPED: Final = 4096
"""Bytes that the tag may have on the wire."""
