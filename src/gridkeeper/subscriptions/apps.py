from django.apps import AppConfig


class SubscriptionsConfig(AppConfig):
    name = "gridkeeper.subscriptions"
    label = "subscriptions"

    def ready(self) -> None:
        from gridkeeper.registry import events
        from gridkeeper.registry.signals import happened
        from gridkeeper.selection.signals import good_changed
        from gridkeeper.subscriptions import permissions  # noqa: F401  registers the predicate
        from gridkeeper.subscriptions.notices import audience_of_services, on_happened
        from gridkeeper.subscriptions.watch import on_good_changed
        from gridkeeper.web import navigation

        happened.connect(on_happened, dispatch_uid="subscriptions")
        good_changed.connect(on_good_changed, dispatch_uid="subscriptions")
        events.provide_audience(audience_of_services)
        navigation.add("Registry", "Subscriptions", "subscriptions:subscriptions", 90)
