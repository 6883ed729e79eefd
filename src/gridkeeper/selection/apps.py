from importlib import import_module

from django.apps import AppConfig


class SelectionConfig(AppConfig):
    name = "gridkeeper.selection"
    label = "selection"

    def ready(self) -> None:
        import_module("gridkeeper.selection.permissions")
