from importlib import import_module

from django.apps import AppConfig


class SelectionConfig(AppConfig):
    name = "gridkeeper.selection"
    label = "selection"

    def ready(self) -> None:
        import_module("gridkeeper.selection.permissions")
        import_module("gridkeeper.bus.events").provide(*import_module("gridkeeper.selection.bus_events").SOURCES)
        navigation = import_module("gridkeeper.web.navigation")
        for order, (label, name) in enumerate(_PAGES):
            navigation.add("Good sites", label, f"selection:{name}", order, is_per_vo=True)


_PAGES = (("Good sites", "sites"), ("Critical tests", "tests"), ("Lists", "lists"))
