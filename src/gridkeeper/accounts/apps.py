from django.apps import AppConfig

from gridkeeper.web import navigation


class AccountsConfig(AppConfig):
    name = "gridkeeper.accounts"
    label = "accounts"

    def ready(self) -> None:
        navigation.add("Registry", "People", "people", 80, "people.see_others")
