"""The configuration: one TOML file, read once, frozen, and complained about once.

`load` either gives settings in which everything fits, secrets and adapters included, or raises `BadSettings` with
every fault there is, one per line, as `storefronts.demo.destinations.meta.pixel_id: rule`. A fault names the place and
the rule, never the value: people paste tokens into the wrong line. `load_plain` does the same for who needs no secret. This
room and `app` alone know which adapters exist.

    values ─▶ blocks ─▶ reader ─▶ destinations, shops ─▶ storefronts ─▶ reading ─▶ `Settings` (ready) ─▶ proving

`values` and `blocks` say what each setting may be, `reader` collects what is wrong (in the words of `faults`), and the rest
finds out what settings mean together. `prove` shows afterwards that every contract guards something.
"""

from gateway.settings.blocks import BLOCKS, AuditSettings, RetentionSettings, ServerSettings, names, shipped
from gateway.settings.faults import BadSettings, toml_fault
from gateway.settings.proving import prove
from gateway.settings.reading import load, load_plain
from gateway.settings.ready import PlainSettings, PlainStorefront, Settings, Shop, Storefront
from gateway.settings.values import Address

__all__ = [
    "BLOCKS",
    "Address",
    "AuditSettings",
    "BadSettings",
    "PlainSettings",
    "PlainStorefront",
    "RetentionSettings",
    "ServerSettings",
    "Settings",
    "Shop",
    "Storefront",
    "load",
    "load_plain",
    "names",
    "prove",
    "shipped",
    "toml_fault",
]
