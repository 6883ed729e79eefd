from django.apps import AppConfig


class AccountsConfig(AppConfig):
    name = "gridkeeper.accounts"
    label = "accounts"
