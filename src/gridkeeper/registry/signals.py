"""What later floors may listen to. Receivers run inside the transaction of the change: both are kept, or neither."""

from django.dispatch import Signal

#: The topology changed from an instant on. Keyword arguments: `since` (datetime), `closed_service` (Service or None).
topology_changed = Signal()

#: Downtimes changed. Keyword arguments: `window` (core.windows.Window: every instant whose judgement may differ now).
downtimes_changed = Signal()

#: Something happened that people may want to be told of. Keyword argument: `event` (events.Event).
happened = Signal()
