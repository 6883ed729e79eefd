from django.apps import AppConfig


class ProbesConfig(AppConfig):
    name = "gridkeeper.probes"
    label = "probes"

    def ready(self) -> None:
        from gridkeeper.probes import permissions as permissions  # registers the predicates
        from gridkeeper.probes import rebuild as rebuild  # listens to the bus
        from gridkeeper.web import navigation

        navigation.add("Tests", "Tests", "probes:tests", 10)
        navigation.add("Tests", "Engine", "probes:engine", 60)
        navigation.add("Tests", "Pauses", "probes:pauses", 65)
        navigation.add("Tests", "Workers", "probes:workers", 70)
