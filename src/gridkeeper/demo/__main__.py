"""The demo's sites as a process: `python -m gridkeeper.demo FOLDER`, started by `gridkeeper demo`, until SIGTERM.

Without Django, which the sites do not need and which takes seconds to load.
"""

import asyncio
import logging
import signal
import sys
from pathlib import Path

import structlog

from gridkeeper.demo.downtimes import plan_downtimes
from gridkeeper.demo.listeners import serve_sites
from gridkeeper.demo.state import DemoError, read_state


async def serve(data_dir: Path) -> None:
    """The listeners of the demo in that folder. Raises DemoError, and OSError where an address cannot be bound."""
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    state = read_state(data_dir)
    sites = state.build_sites()
    await serve_sites(sites, plan_downtimes(sites, state.begun_at), data_dir, stop)


def main(words: list[str]) -> int:
    """Returns the exit status: 0 after SIGTERM, 1 where the sites cannot listen."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    try:
        asyncio.run(serve(Path(words[0])))
    except (DemoError, OSError) as error:
        sys.stderr.write(f"gridkeeper: the demo's sites cannot listen: {error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
