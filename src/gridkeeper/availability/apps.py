from django.apps import AppConfig


class AvailabilityConfig(AppConfig):
    name = "gridkeeper.availability"
    label = "availability"

    def ready(self) -> None:
        from gridkeeper.availability import marks
        from gridkeeper.lake import table_modules
        from gridkeeper.probes.signals import days_touched
        from gridkeeper.registry.signals import downtimes_changed, topology_changed
        from gridkeeper.web import navigation

        table_modules.provide("gridkeeper.availability.tables")
        days_touched.connect(marks.on_days_touched, dispatch_uid="availability")
        downtimes_changed.connect(marks.on_downtimes_changed, dispatch_uid="availability")
        topology_changed.connect(marks.on_topology_changed, dispatch_uid="availability")
        navigation.add("Availability", "Figures", "availability:month", order=10, is_per_vo=True)
        navigation.add("Availability", "Tier-0/1 sites", "availability:tiers", order=12, is_per_vo=True)
        navigation.add("Availability", "By service type", "availability:services", order=14, is_per_vo=True)
        navigation.add("Availability", "Good hours", "availability:hours", order=16, is_per_vo=True)
        navigation.add("Availability", "Trends", "availability:trends", order=18, is_per_vo=True)
        navigation.add("Availability", "Service levels", "availability:sla", order=20, is_per_vo=True)
        navigation.add("Availability", "Published months", "reports:index", order=30)
        navigation.add("Availability", "Profiles and reports", "availability:profiles", order=50)
        navigation.add("Availability", "Weights", "availability:weights", order=55)
        navigation.add("Availability", "Recomputations", "availability:recomputations", order=60)
        navigation.add("Availability", "Computations", "availability:computations", order=70)
