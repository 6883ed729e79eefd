"""What tests/faults/test_compute_sigkill.py kills: a process that computes the marked days of its data folder.

`live` and `finish` say a line of JSON when they begin; `finish`, which nobody kills, says what stands there afterwards.
"""

import json
import sys
from datetime import UTC, datetime, timedelta

NOW = datetime(2026, 3, 7, tzinfo=UTC)


def state() -> dict:
    from gridkeeper.availability import marks
    from gridkeeper.availability.models import Computation, Recomputation

    row = Recomputation.objects.get()
    return {
        "waiting": [str(day) for day in marks.waiting_days()],
        "states": sorted(set(Computation.objects.values_list("state", flat=True))),
        "recomputation": row.state,
        "site_days": row.effects.get("site_days"),
    }


def say(answer: dict) -> None:
    sys.stdout.write(json.dumps(answer) + "\n")
    sys.stdout.flush()


def main() -> None:
    import django

    django.setup()
    from gridkeeper.availability import tasks
    from gridkeeper.lake.scan import preload

    preload()
    say(state())
    tasks.compute_marked(NOW + timedelta(hours=1 if sys.argv[1] == "live" else 2))
    if sys.argv[1] == "finish":
        say(state())


if __name__ == "__main__":
    main()
