from django.apps import AppConfig


class AvailabilityConfig(AppConfig):
    name = "gridkeeper.availability"
    label = "availability"
