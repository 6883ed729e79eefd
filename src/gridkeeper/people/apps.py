from django.apps import AppConfig


class PeopleConfig(AppConfig):
    name = "gridkeeper.people"
    label = "people"
