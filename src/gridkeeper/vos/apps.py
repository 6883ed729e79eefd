from django.apps import AppConfig


class VosConfig(AppConfig):
    name = "gridkeeper.vos"
    label = "vos"

    def ready(self) -> None:
        from gridkeeper.vos.importers import step

        step.register()
