from django.apps import AppConfig


class RegistryConfig(AppConfig):
    name = "gridkeeper.registry"
    label = "registry"
