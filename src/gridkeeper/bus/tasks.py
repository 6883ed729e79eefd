"""What comes back by itself: events go out on the bus."""

from datetime import datetime, timedelta

from django.conf import settings

from gridkeeper.bus.periodic import Periodic


def _tell(now: datetime) -> None:
    if not settings.GRIDKEEPER.bus_url:
        return
    # The client of NATS is of use to those alone who have a bus.
    from gridkeeper.bus.nats_events import tell

    tell(settings.GRIDKEEPER, now)


PERIODIC = [Periodic("bus: events out", timedelta(seconds=2), _tell)]
