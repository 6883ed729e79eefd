"""VOs are edited, and services gain and lose them, over the API."""

import pytest

from gridkeeper.vos.models import VoSupport
from tests.builders import a_user, a_vo
from tests.registry.api_grid import Robot, a_grid

pytestmark = pytest.mark.django_db
WHY = {"reason": "Because it is so."}


def test_a_vo_is_edited_by_its_managers_alone_and_no_update_is_lost():
    a_grid()
    vo = a_vo("atlas")
    a_user("vera", vo=vo)
    vera = Robot("vera")
    read = vera.get("/vos/atlas")["ETag"]
    assert vera.patch("/vos/atlas", WHY | {"long_name": "ATLAS"}, If_Match=read).json()["long_name"] == "ATLAS"
    assert vera.patch("/vos/atlas", WHY | {"long_name": "A"}, If_Match=read).status_code == 412
    assert Robot("carol").patch("/vos/atlas", WHY | {"long_name": "A"}).status_code == 403


def test_a_service_gains_and_loses_vos():
    grid = a_grid()
    a_vo("atlas", supported_by=[grid.ce])
    a_vo("lhcb")
    path = f"/services/{grid.ce.key}/vos"
    assert Robot("alice").put(f"{path}?dry_run=true", WHY | {"vos": ["lhcb"]}).status_code == 200
    assert list(VoSupport.objects.current().values_list("vo__name", flat=True)) == ["atlas"]
    assert Robot("alice").put(path, WHY | {"vos": ["lhcb"]}).status_code == 200
    assert list(VoSupport.objects.current().values_list("vo__name", flat=True)) == ["lhcb"]
    assert Robot("alice").put(path, WHY | {"vos": ["none"]}).status_code == 422
    assert Robot("carol").put(path, WHY | {"vos": []}).status_code == 403
