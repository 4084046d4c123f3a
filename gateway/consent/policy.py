"""A storefront's consent settings, as the decision takes them: who must have been asked, and who is who in a consent signal.

Which vendor id, provider id or key of a consent tool stands for which platform is data of the storefront's, never of ours
alone: lists change, and a tool's keys differ from site to site. Pure.
"""

from collections.abc import Mapping
from enum import unique
from types import MappingProxyType
from typing import Final

import msgspec

from gateway.model.words import Destination, Word

DAY: Final = 86_400

TABLE: Final = 2
"""The version of the decision table: `gateway.consent.table` and `gateway.consent.decision` together."""


@unique
class Profile(Word):
    """Who must have said yes before an event may go."""

    OPT_IN_EVERYWHERE = "opt_in_everywhere"
    """Every visitor, wherever they are. A merchant established in the EU owes that to all (GDPR, art. 3(1))."""
    STRICT = "strict"
    """Every visitor but those in the United States, who are dropped once they opted out."""
    RESTRICTED = "restricted"
    """As `strict`, but who opted out goes on to Meta and Pinterest under their marks for restricted processing."""


NOBODY: Final[Mapping[Destination, int]] = MappingProxyType({})
NO_KEYS: Final[Mapping[Destination, tuple[str, ...]]] = MappingProxyType({})


class TcfRules(msgspec.Struct, frozen=True, gc=False):
    """What a TC string must say. Purposes are 1 to 24, vendor ids 1 to 65535.

    Google Advertising Products is vendor 755 of the Global Vendor List (https://vendor-list.consensu.org/v3/vendor-list.json).
    Meta and Pinterest were not in the lists that could be read, so they have no id until the storefront gives them one.
    """

    purposes: frozenset[int] = frozenset({1, 7})
    """All of them by consent, never by legitimate interest: store and access, measure advertising performance."""
    personalisation: frozenset[int] = frozenset({3, 4})
    """All of them besides, for Google's `ad_personalization`: profiles for, and selection of, personalised advertising."""
    vendors: Mapping[Destination, int] = MappingProxyType({Destination.GOOGLE_ADS: 755})
    providers: Mapping[Destination, int] = MappingProxyType({Destination.META: 89})
    """Ids of Google's list of ad technology providers, for the Additional Consent string."""


class CmpRules(msgspec.Struct, frozen=True, gc=False):
    """How a storefront's consent tool names advertising, and the platforms. What is named here and not found grants nothing."""

    onetrust_group: str = "C0004"
    didomi_purposes: tuple[str, ...] = ()
    """All of them must be enabled for a yes that covers every platform; without any, Didomi's purposes grant nothing."""
    didomi_vendors: Mapping[Destination, tuple[str, ...]] = NO_KEYS
    axeptio_vendors: Mapping[Destination, tuple[str, ...]] = NO_KEYS


class Policy(msgspec.Struct, frozen=True, gc=False):
    """A storefront's consent settings. `max_age` in seconds (1 … 395 days).

    `banner_regions`: countries (ISO 3166-1 alpha-2, upper case) where the storefront attests that a banner asks every
    visitor; `*` stands for all of them, unknown ones included. `grant_outweighs_opt_out`: outside the United States a
    person's explicit yes to the shop's own question counts more than the browser's general opt-out.
    """

    max_age: int = 183 * DAY
    banner_regions: frozenset[str] = frozenset()
    profile: Profile = Profile.OPT_IN_EVERYWHERE
    grant_outweighs_opt_out: bool = False
    tcf: TcfRules = TcfRules()
    cmp: CmpRules = CmpRules()

    @property
    def rule(self) -> str:
        """The name and version of the table that decides; every decision carries it."""
        return f"{self.profile}-{TABLE}"

    def attests(self, country: str | None) -> bool:
        """Say whether a banner asks visitors of this country."""
        return "*" in self.banner_regions or (country is not None and country in self.banner_regions)
