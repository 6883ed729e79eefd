"""The tests of the demo with their documentation, and what each VO asks of which service type."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gridkeeper.demo.certificates import CA_FILE
from gridkeeper.demo.topology import SSH_PORT

INTERVAL_S = 60


@dataclass(frozen=True, slots=True)
class DemoTest:
    """A test of the demo; the fields are those of `probes.models.Test`."""

    name: str
    abbreviation: str
    title: str
    kind: str
    meaning: str
    procedure: str
    command: str = ""
    arguments: Mapping[str, Any] = field(default_factory=dict)
    is_per_vo: bool = False
    timeout_s: int = 10
    stage: str = ""
    rides_in: str = ""
    depends_on: tuple[str, ...] = ()


def _rider(name: str, title: str, meaning: str, procedure: str, stage: str = "") -> DemoTest:
    return DemoTest(
        f"CE-{name}", name, title, "passive", meaning, procedure, is_per_vo=True, stage=stage, rides_in="CE-js"
    )


_SERVICE_LOG = "Look at the service's log, restart it, and run the test again from here."
_ASK_SITE = "If it stays, ask the site's administrators: their address is on the site's page."


def demo_tests(folder: Path) -> tuple[DemoTest, ...]:
    """The tests, in the order of the matrix's columns. `folder`: where the demo CA's certificate lies."""
    trusted = {"ca_file": str(folder / CA_FILE)}
    return (
        _rider("jl", "Job list match", "The broker finds a queue of this CE that takes jobs of the VO.",
               "1. Is the VO still enabled on the CE? Look at its queue configuration.\n2. Does the site BDII publish the "
               "queue with this VO in its access rules?\n3. Publish again and run the test again.", stage="JL"),
        DemoTest("CE-js", "js", "Job submission", "job",
                 "A small job of the VO is submitted to the CE, runs on a worker node, and its output comes back.",
                 "1. Read the story of the job in the output.\n2. Refused: look at the gatekeeper's log and at the mapping "
                 "of the VO.\n3. Stuck: look at the batch system.\n" + _ASK_SITE, is_per_vo=True, timeout_s=30, stage="JS"),
        _rider("ver", "Software version (WN)", "Which middleware the worker node has. The value is the version.",
               "Compare with the current release; upgrade within the deadline of the release."),
        _rider("wn", "WN host name", "On which worker node the job ran: several failures on one node point to it.",
               "Nothing to do; it tells where the other tests ran."),
        _rider("ca", "CA certificates version", "The worker node trusts the current set of certification authorities.",
               "1. Update the package of CA certificates on all worker nodes.\n2. Users of new CAs cannot work until then."),
        _rider("rgma", "R-GMA", "The R-GMA client on the worker node is configured and can publish.",
               "1. Restore rgma.conf from the site's configuration tool.\n2. Check that the registry answers."),
        _rider("bi", "BrokerInfo", "The job can read which CE and which storage the broker chose for it.",
               "Check the job wrapper and the environment that the batch system gives to jobs."),
        _rider("csh", "CSH test", "A csh script runs: some experiments' software needs it.",
               "Install csh (tcsh) on the worker nodes."),
        _rider("rm", "Replica management", "A file is copied to the close storage, read back, compared and deleted.",
               "1. Does the SE of the site pass its own tests?\n2. Look at the full output for the stage that failed."),
        _rider("votag", "VO tag management", "The VO can read the tags of the software installed at the site.",
               "Check the directory of the VO's tags on the CE and its permissions."),
        _rider("swdir", "VO software directory", "The VO's software directory is mounted on the worker node.",
               "1. Is the shared file system mounted on this worker node?\n2. Does the directory exist and belong to the "
               "VO's software manager?"),
        _rider("crl", "CRL time stamp", "The certificate revocation lists on the worker node are younger than a day.",
               "1. Run the fetch of revocation lists by hand and read its errors.\n2. Check its cron job and the way "
               "to the network."),
        DemoTest("CE-dirac", "dirac-test", "Dirac full test", "passive",
                 "The DIRAC environment of LHCb can be set up on the worker node.",
                 "Look at the VO software directory first; then ask the VO's grid experts.", is_per_vo=True,
                 rides_in="CE-js"),
        DemoTest("CE-ssh", "ssh", "SSH banner", "native", "The gatekeeper's host answers SSH.", _SERVICE_LOG, "ssh",
                 {"port": SSH_PORT}),
        DemoTest("SE-http", "http", "SE answers", "native", "The storage element answers HTTPS and names itself.",
                 _SERVICE_LOG, "http", {"expect": "is ready for", **trusted}, timeout_s=8),
        DemoTest("SE-cert", "cert", "SE host certificate", "native",
                 "The host certificate is trusted, fits the host's name, and does not expire soon.",
                 "Ask the CA for a new host certificate and install it before the old one expires.", "tls", trusted),
        DemoTest("SRM-put", "put", "SRM put", "native", "A small file can be written through the SRM.", _SERVICE_LOG,
                 "http", {"path": "put", "method": "POST", "body": "gridkeeper test file", "status": [201],
                          "expect": "stored", **trusted}, timeout_s=8),
        DemoTest("SRM-get", "get", "SRM get", "native", "The file that was written can be read back unchanged.",
                 _SERVICE_LOG, "http", {"path": "get", "expect": "gridkeeper test file", "warning_s": 2.0, **trusted},
                 timeout_s=8, depends_on=("SRM-put",)),
        DemoTest("SRM-cert", "cert", "SRM host certificate", "native",
                 "The host certificate is trusted, fits the host's name, and does not expire soon.",
                 "Ask the CA for a new host certificate and install it before the old one expires.", "tls", trusted),
        DemoTest("FTS-channels", "ftschn", "List FTS channels", "native", "The FTS server lists its channels.",
                 _SERVICE_LOG, "http", {"path": "channels", "expect": "CHANNEL"}),
        DemoTest("FTS-info", "ftsinfo", "FTS answers", "native", "The FTS server says that it is ready.", _SERVICE_LOG,
                 "http", {"expect": "is ready for"}),
        DemoTest("LFC-tcp", "lfc", "LFC answers", "native", "The file catalogue accepts connections.", _SERVICE_LOG,
                 "tcp", {"expect": "LFC"}),
        DemoTest("RB-tcp", "rb", "Resource broker answers", "native", "The resource broker accepts connections.",
                 _SERVICE_LOG, "tcp", {"expect": "Network Server"}),
        DemoTest("BDII-tcp", "bdii", "BDII answers", "native", "The information system of the site can be reached.",
                 "Restart the BDII; without it brokers do not find the site. " + _ASK_SITE, "tcp", {"expect": "BDII"}),
        DemoTest("MyProxy-tcp", "px", "MyProxy answers", "native", "The server that renews proxies accepts connections.",
                 _SERVICE_LOG, "tcp", {"expect": "MYPROXY"}),
        DemoTest("VOMS-http", "voms", "VOMS answers", "native", "The membership service answers HTTPS.", _SERVICE_LOG,
                 "http", {"expect": "is ready for", **trusted}),
        DemoTest("VOMS-cert", "cert", "VOMS host certificate", "native",
                 "The host certificate is trusted, fits the host's name, and does not expire soon.",
                 "Ask the CA for a new host certificate; tell the VOs, which may have pinned the old one.", "tls", trusted),
    )  # fmt: skip


#: VO -> service type -> tests; an exclamation mark makes a test critical.
_STORAGE = {"SE": "SE-http! SE-cert", "SRM": "SRM-put! SRM-get! SRM-cert"}
_CENTRAL = {
    "FTS": "FTS-channels! FTS-info!", "LFC": "LFC-tcp!", "RB": "RB-tcp!", "Site-BDII": "BDII-tcp!",
    "Top-BDII": "BDII-tcp!", "MyProxy": "MyProxy-tcp!", "VOMS": "VOMS-http! VOMS-cert",
}  # fmt: skip
PROFILES: Mapping[str, Mapping[str, str]] = {
    "dteam": {
        "CE": "CE-jl! CE-js! CE-ver CE-wn CE-ca! CE-rgma CE-bi CE-csh CE-rm! CE-votag CE-swdir CE-crl CE-ssh",
        **_STORAGE, **_CENTRAL,
    },
    "lhcb": {"CE": "CE-jl! CE-js! CE-dirac! CE-swdir!", "SRM": "SRM-put! SRM-get! SRM-cert", "LFC": "LFC-tcp!"},
    "atlas": {"CE": "CE-jl! CE-js! CE-swdir! CE-ver", "SRM": "SRM-put! SRM-get!", "FTS": "FTS-channels!"},
    "biomed": {"CE": "CE-jl! CE-js! CE-csh! CE-rm", "SE": "SE-http!"},
}  # fmt: skip
