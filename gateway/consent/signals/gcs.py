"""`gcs`: what Google's tag says of Consent Mode in four characters, `G1` and one each for `ad_storage` and `analytics_storage`.

`1` is granted and `0` denied, by a default or by the visitor; `-` is neither. Which of the two it was is not in it, nor is
anything about `ad_user_data`, so it never proves a choice. Google describes Consent Mode but not this encoding
(https://developers.google.com/tag-platform/security/guides/consent); the values are listed at
https://pietromingotti.com/consent-mode-parameters (both read 2026-11-26). Pure.
"""

import re
from collections.abc import Mapping
from typing import Final

from gateway.consent.statement import Context, Statements
from gateway.consent.table import GCS_AD_STORAGE_DENIED, GCS_AD_STORAGE_GRANTED, GCS_UNREADABLE

SHAPE: Final = re.compile(r"G1([01-])[01-]", re.ASCII)

ROWS: Final[Mapping[str, Statements]] = {"1": GCS_AD_STORAGE_GRANTED, "0": GCS_AD_STORAGE_DENIED, "-": ()}
"""By what it says of `ad_storage`."""


def read(consent: Mapping[str, object], _context: Context) -> Statements:
    """Read `consent["gcs"]`: text of the shape above; null says nothing, all else refuses."""
    gcs = consent["gcs"]
    if gcs is None:
        return ()
    found = SHAPE.fullmatch(gcs) if type(gcs) is str else None
    return GCS_UNREADABLE if found is None else ROWS[found[1]]
