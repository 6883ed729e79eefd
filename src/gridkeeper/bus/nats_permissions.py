"""What the NATS server must allow each of us, as text for its configuration: a worker sees and sends its own alone."""

from gridkeeper.bus.nats import Names, token
from gridkeeper.config import Config


def of_worker(config: Config, worker: str) -> str:
    """The `permissions` of a worker's user: its orders, its answers, its signs of life, and no other's."""
    names, word = Names(config.bus_name), token(worker)
    consumer = f"{names.work}.{names.consumer_of(worker)}"
    publish = [
        f"$JS.API.CONSUMER.MSG.NEXT.{consumer}",
        f"$JS.ACK.{consumer}.>",
        names.results_of(worker),
        names.beat_of(worker),
    ]
    return _text(publish, [f"_INBOX_{word}.>"])


def of_scheduler(config: Config) -> str:
    """The `permissions` of the scheduler's and the tasks' user."""
    prefix = config.bus_name
    publish = ["$JS.API.>", "$JS.ACK.>", f"{prefix}.work.*", f"{prefix}.events.>"]
    return _text(publish, ["_INBOX_scheduler.>", "_INBOX_events.>", f"{prefix}.beat.*"])


def _text(publish: list[str], subscribe: list[str]) -> str:
    lists = [", ".join(f'"{subject}"' for subject in subjects) for subjects in (publish, subscribe)]
    return f"permissions {{\n  publish = [{lists[0]}]\n  subscribe = [{lists[1]}]\n}}"
