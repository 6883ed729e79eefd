from django.apps import AppConfig


class FeedsConfig(AppConfig):
    name = "gridkeeper.feeds"
    label = "feeds"

    def ready(self) -> None:
        from gridkeeper.web import navigation

        navigation.add("Registry", "Feeds", "feeds:index", 90)
