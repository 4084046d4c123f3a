"""A policy names its table, attests banners, and knows no vendor that nobody has looked up."""

import pytest

from gateway.consent.policy import TABLE, Policy, Profile
from gateway.model.words import Destination


@pytest.mark.parametrize("profile", Profile)
def test_every_decision_can_be_traced_to_a_table(profile: Profile) -> None:
    """The rule's name is the profile and the version of the table."""
    assert Policy(profile=profile).rule == f"{profile.value}-{TABLE}"


def test_consent_is_asked_for_everywhere_unless_somebody_settles_otherwise() -> None:
    """The defaults are the strictest: every visitor is asked, no banner is attested, no yes outweighs an opt-out."""
    policy = Policy()
    assert policy.profile is Profile.OPT_IN_EVERYWHERE
    assert not policy.grant_outweighs_opt_out
    assert not policy.attests("FR")
    assert not policy.attests(None)


@pytest.mark.parametrize(
    ("regions", "country", "asks"), [({"FR"}, "FR", True), ({"FR"}, "DE", False), ({"FR"}, None, False), ({"*"}, None, True)]
)
def test_a_banner_is_attested_for_its_regions(regions: set[str], country: str | None, asks: bool) -> None:
    """A named country, or all of them with `*`."""
    assert Policy(banner_regions=frozenset(regions)).attests(country) is asks


def test_only_published_vendors_are_known() -> None:
    """Google is in the vendor list and Meta in Google's list of providers; nobody else is taken for somebody."""
    tcf = Policy().tcf
    assert dict(tcf.vendors) == {Destination.GOOGLE_ADS: 755}
    assert dict(tcf.providers) == {Destination.META: 89}
    assert tcf.purposes == {1, 7}
    assert tcf.personalisation == {3, 4}
