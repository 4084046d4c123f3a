"""How one object of a body is read, whatever the body is: declared fields by name and type, the rest dropped and counted.

A field that breaks a rule raises `Broken` with its path and the rule, never the value. Names of undeclared fields are
counted from a closed list, since a name can be data too. Pure.
"""

from collections.abc import Mapping
from typing import Final

from msgspec import UNSET

from gateway.model.words import Fault
from gateway.sources.strict import BOXES, MAX_DEPTH, taint_of
from gateway.sources.typed import MAX_TEXT
from gateway.spelling import letters_of

MAX_KEYS: Final = 200
"""Names in one object; more is an attack on the clock, not an event."""

MINOR: Final = "minor"
CLIENT_FIELDS: Final = frozenset({"ip", "user_agent", "country", "region"})

COMMON_NAMES: Final = (
    "address birthdate birthday cart city contents country coupon currency custom_data customer_id discount dob email "
    "external_id fbclid first_name firstname gender id ip items language last_name lastname line_items name order_id "
    "page_title password phone phone_number postal_code postcode price product_id products properties quantity "
    "referrer shipping sku state street tax timestamp title total traits type url user_agent user_data user_id utm_campaign "
    "utm_medium utm_source value zip"
)
OFTEN_SENT: Final = frozenset(COMMON_NAMES.split())
"""Names under which undeclared fields are counted; any other counts as `other`, since a name can be data too."""

Unknown = dict[str, int]
"""Undeclared fields that were dropped, counted by `object.name`."""


class Broken(Exception):
    """A rule was broken: which field, which rule. Never leaves the sources."""

    def __init__(self, field: str, fault: Fault) -> None:
        """Keep both."""
        super().__init__(field)
        self.field = field
        self.fault = fault


def object_of(name: str, value: object, fields: frozenset[str], unknown: Unknown) -> bool:
    """Hold an object against its declared fields; say whether there were others, which are counted. Raises Broken."""
    if type(value) is not dict:
        raise Broken(name, Fault.WRONG_TYPE)
    return not value.keys() <= fields and drop(name, value, fields, unknown)


def drop(name: str, value: Mapping[str, object], fields: frozenset[str], unknown: Unknown) -> bool:
    """Count an object's undeclared fields; True. Raises Broken where there are too many keys, or one holds a taint."""
    if len(value) > MAX_KEYS:
        raise Broken(name, Fault.TOO_MANY_KEYS)
    for key in value.keys() - fields:
        label = f"{name}.{key if key in OFTEN_SENT else 'other'}"
        unknown[label] = unknown.get(label, 0) + 1
        if (fault := taint_of(value[key], MAX_DEPTH - 1 - (name != "event"))) is not None:
            raise Broken(name, fault)
    return True


def text_of(text: object, field: str) -> str | None:
    """Read text of at most `MAX_TEXT` characters, or null. Raises Broken."""
    if text is None:
        return None
    if type(text) is not str:
        raise Broken(field, Fault.WRONG_TYPE)
    if len(text) > MAX_TEXT:
        raise Broken(field, Fault.TOO_LONG)
    return text


def minor_flag(said: object) -> bool:
    """Say whether somebody is flagged as a minor: by anything but null, false or nothing at all."""
    return not (said is None or said is False or said is UNSET)


def minor_in(box: Mapping[str, object], fields: frozenset[str]) -> bool:
    """Say whether an object flags a minor: under `minor`, or under that name in other letters, which no field of it has."""
    return minor_flag(box.get(MINOR)) or any(minor_flag(box[name]) for name in box.keys() - fields if letters_of(name) == MINOR)


def consent_of(value: object) -> object:
    """Leave it as it came for the signals' own readers, but for what no reader should have to fear: size and depth.

    Raises Broken.
    """
    if type(value) is dict:
        if len(value) > MAX_KEYS:
            raise Broken("consent", Fault.TOO_MANY_KEYS)
        for part in value.values():
            if type(part) in BOXES and taint_of(part, MAX_DEPTH - 2):
                raise Broken("consent", Fault.TOO_DEEP)
    elif type(value) is list and taint_of(value, MAX_DEPTH - 1):
        raise Broken("consent", Fault.TOO_DEEP)
    return value
