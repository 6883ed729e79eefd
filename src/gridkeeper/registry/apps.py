from django.apps import AppConfig


class RegistryConfig(AppConfig):
    name = "gridkeeper.registry"
    label = "registry"

    def ready(self) -> None:
        from gridkeeper.bus import events
        from gridkeeper.registry import (
            bus_events,
            forgotten_people,  # noqa: F401  listens to the deletion of people
            permissions,  # noqa: F401  registers the predicates
        )
        from gridkeeper.web import navigation

        events.provide(*bus_events.SOURCES)
        for order, (label, name) in enumerate(_PAGES):
            navigation.add("Registry", label, f"registry:{name}", order)
        navigation.add("Now", "Downtimes now", "registry:downtimes_now", 30)
        navigation.add("Registry", "Mirror", "registry:mirror", 70, permission="registry.administer")


_PAGES = (
    ("Federations", "federations"), ("Regions", "ngis"), ("Sites", "sites"), ("Services", "services"),
    ("Service groups", "service_groups"), ("Scopes", "scopes"), ("Roles", "roles"), ("Downtimes", "downtimes"),
)  # fmt: skip
