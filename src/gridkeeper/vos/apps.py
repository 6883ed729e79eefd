from django.apps import AppConfig


class VosConfig(AppConfig):
    name = "gridkeeper.vos"
    label = "vos"
