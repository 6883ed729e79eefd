from django.apps import AppConfig


class SubscriptionsConfig(AppConfig):
    name = "gridkeeper.subscriptions"
    label = "subscriptions"

    def ready(self) -> None:
        from gridkeeper.registry import events
        from gridkeeper.registry.signals import happened
        from gridkeeper.subscriptions import permissions  # noqa: F401  registers the predicate
        from gridkeeper.subscriptions.notices import audience_of_services, on_happened
        from gridkeeper.web import navigation

        happened.connect(on_happened, dispatch_uid="subscriptions")
        events.provide_audience(audience_of_services)
        navigation.add("Registry", "Subscriptions", "subscriptions:subscriptions", 90)
