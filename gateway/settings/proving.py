"""Proof that the contracts guard something, before anything starts."""

from collections.abc import Iterator
from functools import cache

from gateway.delivery.contract import Contract, Outgoing
from gateway.delivery.proving import unnoticed, written_out
from gateway.model.words import Destination
from gateway.settings.faults import BadSettings
from gateway.settings.ready import Settings, Storefront


def prove(settings: Settings) -> None:
    """Show that every contract would refuse today's requests if it lacked any one of the fields in them.

    Raises BadSettings where it would not: then the contract guards nothing. Costs some two milliseconds a destination.
    """
    without = cache(Contract.without)
    faults = [
        f"storefronts.{storefront.id}.destinations.{name.value}: the contract would not notice if it lacked {place}"
        for storefront in settings.storefronts.values()
        for name, contract in storefront.contracts.items()
        for place in unnoticed(_rehearsed(storefront, name), contract, without, _rehearsed(storefront, name, most=1))
    ]
    if faults:
        raise BadSettings(faults, settings.server, settings.audit)


def _rehearsed(storefront: Storefront, name: Destination, most: int | None = None) -> Iterator[tuple[Outgoing, int]]:
    """Write one destination's samples out, `most` a request."""
    return written_out(storefront.destinations[name], storefront.base_urls[name], storefront.secrets[name], most)
