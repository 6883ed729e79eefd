from django.apps import AppConfig


class PortalConfig(AppConfig):
    name = "gridkeeper.portal"
    label = "portal"

    def ready(self) -> None:
        from gridkeeper.web import navigation

        navigation.add("Now", "Home", "portal:home", 1, is_per_vo=True)
        navigation.add("Now", "Matrix", "portal:matrix", 2, is_per_vo=True)
        navigation.add("Now", "SAM view", "portal:sam", 2, is_per_vo=True)
        navigation.add("Now", "Map", "portal:map", 3)
