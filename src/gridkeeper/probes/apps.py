from django.apps import AppConfig


class ProbesConfig(AppConfig):
    name = "gridkeeper.probes"
    label = "probes"
