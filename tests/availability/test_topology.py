"""The tree of a day is made of what the registry said on that day."""

from datetime import timedelta

from django.utils import timezone

from gridkeeper.availability.topology import Period, tree_of
from tests.builders import NOW, a_service, a_site, a_test, a_vo, an_ngi, in_profile


def test_a_later_move_or_switch_does_not_change_the_figures_of_a_day_that_is_over(db):
    """The region, production and monitoring are those of the day's end, not of today."""
    old, new = an_ngi(name="NGI_OLD"), an_ngi(name="NGI_NEW")
    service = a_service(of=a_site(ngi=old))
    in_profile(a_vo("dteam", supported_by=[service]), a_test())
    period = Period.of(NOW.date(), NOW + timedelta(days=2))
    before = tree_of(period)
    service.in_production = False
    service.save()
    service.site.ngi = new
    service.site.save()
    after = tree_of(period)
    assert before.expected == after.expected
    assert {line.path.region for line in after.expected} == {old.key}
    today = timezone.now()
    assert not tree_of(Period.of(today.date(), today + timedelta(seconds=1))).expected
