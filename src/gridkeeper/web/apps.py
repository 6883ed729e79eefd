from django.apps import AppConfig


class WebConfig(AppConfig):
    name = "gridkeeper.web"
    label = "web"
