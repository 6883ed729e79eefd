from typing import Any

from django.apps import AppConfig


class ProbesConfig(AppConfig):
    name = "gridkeeper.probes"
    label = "probes"

    def ready(self) -> None:
        from gridkeeper.bus import events
        from gridkeeper.bus.signals import contradicted
        from gridkeeper.probes import permissions as permissions  # registers the predicates
        from gridkeeper.probes.worker_events import SOURCES
        from gridkeeper.web import navigation

        events.provide(*SOURCES)
        contradicted.connect(_on_contradicted, dispatch_uid="probes")

        navigation.add("Tests", "Tests", "probes:tests", 10)
        navigation.add("Tests", "Profiles", "probes:profiles", 20)
        navigation.add("Tests", "Packs", "probes:packs", 30)
        navigation.add("Tests", "Causes", "probes:causes", 40)
        navigation.add("Tests", "Credentials", "probes:credentials", 55)
        navigation.add("Tests", "Engine", "probes:engine", 60)
        navigation.add("Tests", "Pauses", "probes:pauses", 65)
        navigation.add("Tests", "Workers", "probes:workers", 70)


def _on_contradicted(*, series: Any, **_: Any) -> None:
    from gridkeeper.probes.rebuild import recompute  # reads the lake: seconds of imports that few commands need

    recompute(series)
