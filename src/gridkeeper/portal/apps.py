from django.apps import AppConfig


class PortalConfig(AppConfig):
    name = "gridkeeper.portal"
    label = "portal"
