"""A program: the process that runs native checks for the engine of the same machine (`probes.local`).

python -m gridkeeper.probes.local_child DESCRIPTOR
"""

import os
import sys

import django


def main() -> None:
    """Serves the channel that it inherited as that descriptor until the engine closes it or is gone."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "gridkeeper.settings")
    django.setup()
    # Models and settings are there only now.
    from gridkeeper.probes.local_runs import run

    run(int(sys.argv[1]))


if __name__ == "__main__":
    main()
