"""What is in force (configuration, contracts, keys): from what the log said last, which entries are due. Pure.

So that each change is one entry, and a start at which nothing changed adds none. The log itself is the memory: facts are
followed entry by entry, and kept beside the checkpoint only to spare reading everything at each start.
"""

from collections.abc import Iterable, Mapping

from gateway.signing.entry import (
    COMMAND,
    ApiKey,
    Change,
    Configuration,
    Contract,
    DecisionTable,
    Entry,
    KeyUse,
    Role,
    RoleChanged,
    SealingKeyUsed,
    SigningKeyUsed,
)

Facts = Mapping[str, str]
"""What is in force, by its name: `contract meta` → version and digest, `api_key shop1 secret 2026a` → `added`."""


def fact_of(entry: Entry) -> tuple[str, str] | None:
    """Say which fact an entry states, by name, and what it is; None if it states none."""
    match entry:
        case Configuration(digest):
            return "configuration", digest
        case Contract(destination, version, digest):
            return f"contract {destination.value}", f"{version} {digest}"
        case DecisionTable(version):
            return "decision_table", version
        case SigningKeyUsed(key):
            return "signing_key", key
        case SealingKeyUsed(name):
            return "sealing_key", name
        case ApiKey(storefront, use, key, change):
            return f"api_key {storefront} {use.value} {key}", change.value
        case RoleChanged(account, before, after):
            gained = after is not Role.NONE
            return f"role {account} {(after if gained else before).value}", (Change.ADDED if gained else Change.REMOVED).value
        case _:
            return None


def followed(facts: Facts, entries: Iterable[Entry]) -> dict[str, str]:
    """Give the facts after these entries."""
    found = dict(facts)
    for entry in entries:
        if (fact := fact_of(entry)) is not None:
            found[fact[0]] = fact[1]
        if fact is not None and fact[1] == Change.REMOVED:
            del found[fact[0]]
    return found


def due(facts: Facts, now: Iterable[Entry]) -> list[Entry]:
    """Say which entries are due: those of `now` (all that is in force) that state something new, and keys that are gone."""
    stated = {fact[0]: (fact[1], entry) for entry in now if (fact := fact_of(entry)) is not None}
    new = [entry for name, (value, entry) in stated.items() if facts.get(name) != value]
    gone = [name.split(" ") for name in facts if name.startswith(ENDING) and name not in stated]
    return [*new, *(_ended(*words) for words in gone)]


ENDING = ("api_key ", "role ")
"""Beginnings of the names of facts that can end."""


def _ended(what: str, *names: str) -> Entry:
    """Say that a key or a role is gone, by the fact's name."""
    if what == "role":
        account, role = names
        return RoleChanged(account, Role(role), Role.NONE, COMMAND)
    storefront, use, key = names
    return ApiKey(storefront, KeyUse(use), key, Change.REMOVED)
