from datetime import datetime
from typing import Any

from django.apps import AppConfig


class VosConfig(AppConfig):
    name = "gridkeeper.vos"
    label = "vos"

    def ready(self) -> None:
        from gridkeeper.registry.calendar_filter import provide_vos
        from gridkeeper.registry.signals import topology_changed
        from gridkeeper.vos import permissions  # noqa: F401  registers the predicates
        from gridkeeper.vos.importers import step
        from gridkeeper.web import navigation, vo

        step.register()
        topology_changed.connect(_on_topology_changed, dispatch_uid="vos")
        navigation.add("Registry", "VOs", "vos:vos", 50)
        vo.provide_names(_names)
        provide_vos(_names, _services_of)


def _names() -> list[str]:
    from gridkeeper.vos.models import Vo

    return list(Vo.objects.current().order_by("name").values_list("name", flat=True))


def _services_of(name: str, moment: datetime) -> Any:
    """The services (primary keys) that serve the VO at the instant."""
    from gridkeeper.vos.models import VoSupport

    return VoSupport.objects.at(moment).filter(vo__name=name).values("service")


def _on_topology_changed(*, since: Any, closed_service: Any, **_: Any) -> None:
    from gridkeeper.vos.actions import end_support_of

    if closed_service is not None:
        end_support_of(closed_service, since)
