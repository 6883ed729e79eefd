from importlib import import_module

from django.apps import AppConfig


class PeopleConfig(AppConfig):
    name = "gridkeeper.people"
    label = "people"

    def ready(self) -> None:
        import_module("gridkeeper.people.permissions")  # registers the predicates
