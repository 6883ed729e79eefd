from django.apps import AppConfig


class ApiConfig(AppConfig):
    name = "gridkeeper.api"
    label = "api"
