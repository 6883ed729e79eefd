from django.apps import AppConfig


class SelectionConfig(AppConfig):
    name = "gridkeeper.selection"
    label = "selection"
