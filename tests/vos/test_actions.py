from datetime import timedelta

import pytest
from django.core.exceptions import ValidationError

from gridkeeper.people.actor import Actor
from gridkeeper.people.permission import NotPermittedError, is_permitted
from gridkeeper.registry.actions import close_service
from gridkeeper.registry.models import Service
from gridkeeper.registry.signals import topology_changed
from gridkeeper.vos.actions import edit_vo, set_support
from gridkeeper.vos.models import Vo, VoSupport
from gridkeeper.vos.queries import services_for, supporting_services, vo_names_of_services, vos_of, with_counts
from tests.builders import NOW, a_service, a_site, a_user, a_vo

pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)


@pytest.fixture
def service() -> Service:
    return a_service()


@pytest.fixture
def alice(service) -> Actor:
    return Actor(user=a_user("alice", site=service.site))


@pytest.fixture
def carol() -> Actor:
    return Actor(user=a_user("carol", vo=a_vo("lhcb")))


def test_a_manager_edits_her_vo_and_no_other(carol):
    vo = edit_vo(carol, vo=a_vo("lhcb"), changes={"long_name": "LHC beauty"}, reason="full name", now=NOW)
    assert vo.history.first().history_user == carol.user
    with pytest.raises(NotPermittedError):
        edit_vo(carol, vo=a_vo("atlas"), changes={"long_name": "x"}, reason="mine", now=NOW)


@pytest.mark.parametrize(
    ("inputs", "match"),
    [
        ({"changes": {"name": "other"}}, "cannot be edited"),
        ({"reason": ""}, "Say why"),
        ({"changes": {"long_name": "x" * 256}}, "at most 255"),
        ({"seen": 0}, "Somebody was faster"),
    ],
)
def test_it_rejects_an_edit(carol, inputs, match):
    with pytest.raises(ValidationError, match=match):
        edit_vo(carol, vo=a_vo("lhcb"), **{"changes": {"long_name": "y"}, "reason": "r", "now": NOW} | inputs)
    assert a_vo("lhcb").long_name == ""


@pytest.mark.parametrize("permission", ["vos.edit_vo", "vos.set_support"])
def test_strangers_may_nothing(permission, service, carol):
    for actor in (Actor(), Actor(user=a_user("dave"))):
        for subject in (a_vo("lhcb"), service, None):
            assert not is_permitted(actor, permission, subject)
    assert not is_permitted(carol, "vos.set_support", service)


def test_a_site_decides_which_vos_its_service_supports(alice, service):
    told = []

    def listen(*, since, **_):
        told.append(since)

    topology_changed.connect(listen)
    lhcb, atlas, cms = (a_vo(name) for name in ("lhcb", "atlas", "cms"))
    set_support(alice, service=service, vos=[lhcb, atlas], reason="pledge", now=NOW)
    added, ended = set_support(alice, service=service, vos=[atlas, cms], reason="new pledge", now=NOW + HOUR)
    topology_changed.disconnect(listen)
    assert (added, ended) == ([cms], [lhcb])
    assert [vo.name for vo in vos_of(service, NOW)] == ["atlas", "lhcb"]
    assert [vo.name for vo in vos_of(service, NOW + HOUR)] == ["atlas", "cms"]
    assert told == [NOW, NOW + HOUR]
    assert VoSupport.objects.get(vo=lhcb).history.first().history_change_reason == "new pledge"


def test_support_is_refused_to_strangers_and_for_what_is_closed(alice, carol, service):
    with pytest.raises(NotPermittedError):
        set_support(carol, service=service, vos=[a_vo("lhcb")], reason="please", now=NOW)
    gone = Vo.objects.create(name="gone", valid_from=NOW, valid_until=NOW)
    with pytest.raises(ValidationError, match="gone is closed"):
        set_support(alice, service=service, vos=[gone], reason="pledge", now=NOW)
    assert not VoSupport.objects.exists()


def test_a_closed_service_supports_nobody(alice, service):
    lhcb = a_vo("lhcb", supported_by=[service])
    close_service(alice, service=service, reason="machine is gone", now=NOW)
    assert list(vos_of(service, NOW)) == []
    assert VoSupport.objects.get(vo=lhcb).valid_until == NOW


def test_services_for_a_vo_are_certified_in_production_and_supporting_at_the_instant(service):
    other = a_service()
    uncertified = a_service(of=a_site(certification="Uncertified"))
    lhcb = a_vo("lhcb", supported_by=[service, uncertified, a_service(in_production=False)])
    a_vo("atlas", supported_by=[other])
    assert list(services_for(lhcb, NOW)) == [service]
    assert set(services_for(lhcb, NOW, only_certified=False)) == {service, uncertified}
    VoSupport.objects.filter(service=service).update(valid_until=NOW)
    assert list(services_for(lhcb, NOW)) == []
    assert list(services_for(lhcb, NOW - HOUR)) == [service]


def test_counts_and_names_of_a_page_come_in_one_query_each(service, django_assert_num_queries):
    a_vo("lhcb", supported_by=[service, a_service(of=service.site), a_service()])
    a_vo("atlas", supported_by=[service, a_service(of=a_site(certification="Closed"))])
    with django_assert_num_queries(1):
        counted = {vo.name: (vo.site_count, vo.service_count) for vo in with_counts(Vo.objects.current())}
    assert counted == {"lhcb": (2, 3), "atlas": (1, 1)}
    with django_assert_num_queries(1):
        names = vo_names_of_services(Service.objects.all(), NOW)
    assert names[service.pk] == ["atlas", "lhcb"]
    assert service in supporting_services(a_vo("lhcb"))
