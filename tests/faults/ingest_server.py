"""What tests/faults/test_sigkill.py kills: the real WSGI application, the mover and the compactor in one process.

This parent never opens the database, so that it can fork one life after the other without loading Django each time.
It reads commands from standard input: `prepare` and `check` answer with a line of JSON; `start` with the pid and the
port of a new life.
"""

import json
import os
import sys
import threading
import time
from pathlib import Path
from socketserver import ThreadingMixIn
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer

HOSTS, TESTS = 4, 3


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True


class _Quiet(WSGIRequestHandler):
    def log_message(self, *_args) -> None:
        pass


def prepare() -> dict:
    from django.core.management import call_command
    from django.utils import timezone

    from gridkeeper.people.actor import Actor
    from gridkeeper.people.models import User
    from gridkeeper.people.tokens import create_token
    from tests.builders import a_service, a_site, a_test

    call_command("migrate", verbosity=0)
    site = a_site()
    for number in range(HOSTS):
        a_service(of=site, hostname=f"ce{number}.example.org")
    for number in range(TESTS):
        a_test(f"CE-t{number}")
    user = User.objects.create_superuser("admin", password="admin-password")
    scopes = ["probes.submit_results"]
    secret = create_token(Actor.system(), user=user, name="t", scopes=scopes, expires_at=None, now=timezone.now())[1]
    return {"token": secret}


def live() -> None:
    """One life: serves and moves as fast as it can, so that a kill hits every step sooner or later."""
    from django.utils import timezone

    from gridkeeper.bus import mover
    from gridkeeper.lake.store import open_lake
    from gridkeeper.probes import tasks
    from gridkeeper.wsgi import application

    server = _Server(("127.0.0.1", 0), _Quiet)
    server.set_app(application)

    def move() -> None:
        while True:
            mover.move(open_lake(), most_rows=60)
            time.sleep(0.01)

    def compact() -> None:
        while True:
            tasks.compact(timezone.now())
            time.sleep(0.05)

    for work in (move, compact):
        threading.Thread(target=work, daemon=True).start()
    say({"pid": os.getpid(), "port": server.server_port})
    server.serve_forever()


def check() -> dict:
    """What is there in the end: how often each id, from results and logs, and whether the projection agrees."""
    from gridkeeper.bus import inbox, mover
    from gridkeeper.bus.facts import connect, open_facts
    from gridkeeper.lake import scan
    from gridkeeper.lake.store import open_lake
    from gridkeeper.probes.models import LatestStatus
    from gridkeeper.probes.rebuild import ALWAYS, rebuild_status

    def projection() -> list:
        names = ("series", "status", "hard_status", "hard_since", "executed_at", "last_ok_at", "summary")
        return list(LatestStatus.objects.order_by("series").values_list(*names))

    mover.move_all(open_lake())
    incremental = projection()
    rebuild_status()
    facts = open_facts()
    with connect() as con:
        results = scan.rows(facts.results(con, ALWAYS).select("series", "fact"))
        logs = scan.rows(scan.lake_table_of(con, open_lake(), "logs").select("id"))
    return {
        "results": [[row["series"], row["fact"] & 0xFFFFFFFF] for row in results],
        "logs": [row["id"] for row in logs],
        "left": inbox.backlog("results").batches,
        "agrees": incremental == projection(),
    }


def say(answer: dict) -> None:
    os.write(1, json.dumps(answer).encode() + b"\n")


def in_child(work) -> int:
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            answer = work()
            if answer is not None:
                say(answer)
            status = 0
        finally:
            os._exit(status)
    return pid


def main() -> None:
    import django

    django.setup()
    from django.urls import get_resolver

    import gridkeeper.lake.scan
    import gridkeeper.probes.rebuild
    import gridkeeper.wsgi  # noqa: F401  loaded once, before all lives

    _ = get_resolver().url_patterns
    for line in sys.stdin:
        pid = in_child({"prepare": prepare, "start": live, "check": check}[line.strip()])
        if line.strip() != "start":
            os.waitpid(pid, 0)


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[2]))
    main()
