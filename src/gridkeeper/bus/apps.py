from django.apps import AppConfig


class BusConfig(AppConfig):
    name = "gridkeeper.bus"
    label = "bus"
