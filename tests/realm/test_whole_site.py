"""A site of real services: registered, tested by the packs as they ship; green, and red with its cause when broken."""

import asyncio
import socket
import threading
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from ipaddress import ip_network
from types import SimpleNamespace
from typing import Any

import pytest
from django.db import connections
from django.utils import timezone

from gridkeeper.core.status import Status
from gridkeeper.people.actor import Actor
from gridkeeper.probes.credential_actions import Entered, add_credential
from gridkeeper.probes.ingest import submit
from gridkeeper.probes.instances import load_instances
from gridkeeper.probes.models import LatestStatus, Test, TestKind
from gridkeeper.probes.pack_actions import install_pack
from gridkeeper.probes.running import run_instance, stored_form
from tests.builders import a_service, a_site, a_vo
from tests.realm import open_folder
from tests.realm.arc import arc_ce
from tests.realm.bdii import running_bdii
from tests.realm.nats import Nats
from tests.realm.smtp import running_smtp
from tests.realm.squid import squid
from tests.realm.sshd import running_sshd
from tests.realm.xrootd import xrootd

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.service, pytest.mark.xdist_group("whole-site")]
SYSTEM = Actor.system("cli")
#: Long enough for every answer of a service that works, short for one that hangs.
TIMEOUT_S = 3


@dataclass
class Member:
    """A service of the site: how it stands in the registry, how it is run, and what its tests need to be told."""

    server: Any
    service_type: str
    url: str
    pack: str
    arguments: dict[str, dict[str, Any]] = field(default_factory=dict)
    hostname: str = "localhost"

    def inside(self, function):
        return self.server.inside(function) if hasattr(self.server, "inside") else function()


@pytest.fixture(scope="module")
def members(tmp_path_factory):
    with ExitStack() as stack:
        folder = tmp_path_factory.mktemp
        bdii = stack.enter_context(running_bdii(stack.enter_context(open_folder("openldap"))))
        ce = stack.enter_context(arc_ce(stack.enter_context(open_folder())))
        storage = stack.enter_context(xrootd())
        proxy = stack.enter_context(squid())
        shell = stack.enter_context(running_sshd(folder("sshd")))
        mail = stack.enter_context(running_smtp(folder("smtp")))
        bus = Nats(folder("nats")).start()
        stack.callback(bus.stop)
        ce.wait_until_published()
        fetched = f"{proxy.origin.url}/object"
        trusted = {"ca_file": str(ce.authority.folder)}
        yield {
            "bdii": Member(bdii, "Site-BDII", bdii.url, "bdii"),
            "arc": Member(_as_one(ce), "ARC-CE", ce.url, "arc", {"arc-info": trusted}),
            "xrootd": Member(storage, "XRootD", storage.url, "xrootd"),
            "nats": Member(_as_one_bus(bus), "io.nats.server", bus.url, "nats"),
            "squid": Member(proxy, "org.squid-cache.Squid", proxy.url, "squid",
                            {"squid": {"fetch": fetched, "expect": "origin"}}),
            "sshd": Member(shell, "SSH", shell.url, "ssh", {"ssh-host-key": {"fingerprints": [shell.fingerprint]}}),
            "smtp": Member(mail, "SMTP", mail.url, "smtp", {"smtp": {"ca_file": str(mail.ca_file)}}, mail.host),
        }  # fmt: skip


def _as_one(ce):
    """The CE's interface with the verbs of the other services."""
    return SimpleNamespace(ce=ce, start=ce.start_ws, stop=ce.ws.stop, freeze=ce.ws.freeze, thaw=ce.ws.thaw)


def _as_one_bus(bus):
    return SimpleNamespace(bus=bus, start=bus.start, stop=bus.stop, freeze=bus.daemon.freeze, thaw=bus.daemon.thaw,
                           port=bus.port)  # fmt: skip


@pytest.fixture
def site(members, settings, tmp_path):
    """The site in the registry, with the packs of its services in the profile of a VO that has a robot."""
    settings.GRIDKEEPER = settings.GRIDKEEPER.model_copy(
        update={"credential_key_file": tmp_path / "keys", "denied_networks": [ip_network("169.254.0.0/16")]}
    )
    now = timezone.now()
    site = a_site(name=members["bdii"].server.site)
    services = [
        a_service(of=site, type=member.service_type, hostname=member.hostname, host_ip="127.0.0.1", url=member.url)
        for member in members.values()
    ]
    vo = a_vo("dteam", supported_by=services)
    for member in members.values():
        install_pack(SYSTEM, name=member.pack, vos=[vo], reason="a new site", now=now)
        for name, arguments in member.arguments.items():
            test = Test.objects.get(name=f"org.gridkeeper.{name}")
            test.arguments |= arguments
            test.save()
    Test.objects.filter(kind=TestKind.NATIVE).update(timeout_s=TIMEOUT_S)
    user = members["arc"].server.ce.user
    robot = user.certificate.read_text() + user.key.read_text()
    add_credential(
        SYSTEM, name="robot", vo=vo, kind="x509", options={}, entered=Entered(robot), reason="tests", now=now
    )
    return site


def run_all(member):
    """Every native test of the service, run as the engine runs it and stored; the status and text of each."""
    instances = [
        instance
        for instance in load_instances().values()
        if instance.place.service_type == member.service_type and instance.test.kind == TestKind.NATIVE
    ]
    assert instances

    def run():
        try:
            return asyncio.run(_each(instances))
        finally:
            if threading.current_thread() is not threading.main_thread():
                connections.close_all()

    measured = [item for items in member.inside(run) for item in items]
    now = timezone.now()
    submit([stored_form(item, result_id=f"{now.timestamp()}-{number}", worker="here", is_hard=True)
            for number, item in enumerate(measured)], now=now)  # fmt: skip
    rows = LatestStatus.objects.filter(service_type=member.service_type)
    return {row.metric.removeprefix("org.gridkeeper."): (Status(row.hard_status).name, row.summary) for row in rows}


async def _each(instances):
    now = timezone.now()
    return await asyncio.gather(*(run_instance(instance, now) for instance in instances))


@pytest.mark.parametrize("name", ["bdii", "arc", "xrootd", "nats", "squid", "sshd", "smtp"])
def test_every_test_of_a_service_that_works_is_green(members, site, name):
    said = run_all(members[name])
    assert {status for status, _ in said.values()} == {"OK"}, said


@pytest.mark.parametrize("name", ["bdii", "arc", "xrootd", "nats", "squid", "sshd", "smtp"])
def test_a_stopped_service_is_red_and_says_so(members, site, name):
    server = members[name].server
    server.stop()
    try:
        said = run_all(members[name])
    finally:
        server.start()
    assert {status for status, _ in said.values()} == {"CRITICAL"}, said
    assert all("connection refused" in text for _, text in said.values()), said


@pytest.mark.parametrize("name", ["bdii", "arc", "xrootd", "nats", "squid", "sshd", "smtp"])
def test_a_hung_service_is_red_and_says_so(members, site, name):
    server = members[name].server
    server.freeze()
    try:
        said = run_all(members[name])
    finally:
        server.thaw()
    assert {status for status, _ in said.values()} == {"CRITICAL"}, said
    assert all(f"timed out after {TIMEOUT_S} s while" in text for _, text in said.values()), said


@contextmanager
def expired_certificate(server):
    ce = server.ce
    kept = {name: (ce.folder / name).read_bytes() for name in ("hostkey.pem", "hostcert.pem")}
    ce.show_certificate(ce.authority.issue("host/localhost", host="localhost", days=-1))
    try:
        yield
    finally:
        for name, content in kept.items():
            (ce.folder / name).write_bytes(content)


@contextmanager
def impostor(server):
    """Another program has taken the port."""
    server.stop()
    over = threading.Event()
    with socket.create_server(("127.0.0.1", server.port)) as listener:
        listener.settimeout(0.1)

        def answer():
            while not over.is_set():
                try:
                    taken, _ = listener.accept()
                except TimeoutError:
                    continue
                with taken:
                    taken.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

        thread = threading.Thread(target=answer)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()
    server.start()


@pytest.mark.parametrize(
    ("name", "broken", "metric", "words"),
    [
        ("bdii", lambda server: server.emptied(), "bdii-endpoints", "0 entries"),
        ("arc", expired_certificate, "arc-info", "expired"),
        ("xrootd", lambda server: server.emptied(), "xrootd-stat", "no such file"),
        ("nats", impostor, "nats", "not NATS"),
        ("squid", lambda server: server.other_content("/object", b"a login page"), "squid", "lacks 'origin'"),
        ("sshd", lambda server: server.other_key(), "ssh-host-key", "the host key has changed"),
        ("smtp", lambda server: server.expired(), "smtp", "expired"),
    ],
)
def test_wrong_content_or_an_expired_certificate_is_red_and_says_so(members, site, name, broken, metric, words):
    with broken(members[name].server):
        status, text = run_all(members[name])[metric]
    assert status == "CRITICAL", text
    assert words in text
