"""Other schedulers of checks, run beside ours: Nagios Core 4, Icinga 2 and the Prometheus blackbox exporter of Debian.

Each runs in a folder of its own with an empty configuration plus what is measured: so many services, each due every
second, which is more than the machine can run. What they count themselves is believed.
"""

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.engine_runs import Rate, tree_cpu_s

NAGIOS, ICINGA, BLACKBOX = (
    Path("/usr/sbin/nagios4"),
    Path("/usr/sbin/icinga2"),
    Path("/usr/bin/prometheus-blackbox-exporter"),
)
HOSTS, TESTS = 400, 10
#: As the init system of a Debian starts them.
_ENVIRONMENT = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8"}
_ICINGA_CONF = """
object CheckerComponent "checker" {{ }}
object StatusDataWriter "status" {{ status_path = "{folder}/status.dat", objects_path = "{folder}/objects.cache", update_interval = 2s }}
object CheckCommand "hostalive" {{ command = [ "/bin/true" ] }}
object CheckCommand "measured" {{ command = [ {argv} ] }}
for (number in range({hosts})) {{
  object Host "ce" + number use(number) {{
    check_command = "hostalive"; enable_active_checks = false
    address = "127.3." + (number / 200).to_string().split(".")[0] + "." + (number % 200 + 1)
  }}
}}
for (test in range({tests})) {{
  apply Service "test" + test {{ check_command = "measured"; check_interval = 1s; retry_interval = 1s; assign where true }}
}}
"""
_NAGIOS_CONF = """
log_file={folder}/nagios.log
cfg_file={folder}/objects.cfg
object_cache_file={folder}/objects.cache
precached_object_file={folder}/objects.precache
status_file={folder}/status.dat
status_update_interval=2
nagios_user=root
nagios_group=root
check_external_commands=0
command_file={folder}/nagios.cmd
lock_file={folder}/nagios.pid
temp_file={folder}/nagios.tmp
temp_path={folder}
query_socket={folder}/nagios.qh
check_result_path={folder}
event_broker_options=0
use_syslog=0
max_concurrent_checks=0
check_result_reaper_frequency=1
retain_state_information=0
interval_length=1
max_service_check_spread=1
execute_host_checks=0
enable_notifications=0
enable_event_handlers=0
enable_flap_detection=0
check_for_updates=0
illegal_macro_output_chars=`~$&|'"<>
"""
_NAGIOS_OBJECTS = """
define timeperiod {{
 timeperiod_name always
 alias always
 monday 00:00-24:00
 tuesday 00:00-24:00
 wednesday 00:00-24:00
 thursday 00:00-24:00
 friday 00:00-24:00
 saturday 00:00-24:00
 sunday 00:00-24:00
}}
define command {{
 command_name measured
 command_line {command}
}}
"""


@contextmanager
def process(argv: list[str], folder: Path) -> Iterator[int]:
    """A daemon in the foreground, ended with everything below it."""
    with (folder / "output").open("w") as output:
        running = subprocess.Popen(
            argv, stdout=output, stderr=output, cwd=folder, start_new_session=True, env=_ENVIRONMENT
        )
        try:
            yield running.pid
        finally:
            os.killpg(running.pid, signal.SIGTERM)
            try:
                running.wait(10)
            except subprocess.TimeoutExpired:
                os.killpg(running.pid, signal.SIGKILL)
                running.wait()


def _checks(status: Path) -> tuple[float, int]:
    """When the file was written, and the active checks of the last minute: all, as long as it is the first minute."""
    try:
        found = [line for line in status.read_text().splitlines() if "active_scheduled_service_check_stats=" in line]
        return status.stat().st_mtime, int(found[0].partition("=")[2].split(",")[0])
    except (OSError, IndexError, ValueError):
        return 0.0, 0


def _fresh(status: Path, after: float, least: int = 1) -> tuple[float, int]:
    end = time.monotonic() + 60
    while time.monotonic() < end:
        at, number = _checks(status)
        if at > after and number >= least:
            return at, number
        time.sleep(0.05)
    raise SystemExit(f"{status} counts no checks: {(status.parent / 'output').read_text()[-2000:]}")


def _rate_of(pid: int, folder: Path, seconds: float) -> Rate:
    """The rate between two of the daemon's own counts, a few seconds after its start and `seconds` later."""
    status = folder / "status.dat"
    first = _fresh(status, 0.0, 200)
    begin, used = _fresh(status, first[0]), tree_cpu_s(pid)
    time.sleep(seconds)
    end, used_after = _fresh(status, _checks(status)[0]), tree_cpu_s(pid)
    checks = end[1] - begin[1]
    if checks <= 0:
        raise SystemExit(
            f"{folder.name}: no check ended in {seconds:.0f} s; the machine has no time for this benchmark"
        )
    return Rate(checks / (end[0] - begin[0]), (used_after - used) / checks * 1000)


def nagios(argv: list[str], folder: Path, seconds: float) -> Rate:
    """Nagios Core with so many services of that plugin. `$HOSTADDRESS$` is the host's address."""
    (folder / "nagios.cfg").write_text(_NAGIOS_CONF.format(folder=folder))
    objects = [_NAGIOS_OBJECTS.format(command=" ".join(argv))]
    for number in range(HOSTS):
        address = f"127.3.{number // 200}.{number % 200 + 1}"
        objects.append(
            f"define host {{\n host_name ce{number}\n address {address}\n max_check_attempts 1\n"
            " check_period always\n active_checks_enabled 0\n contacts nobody\n}"
        )
        objects += [
            f"define service {{\n host_name ce{number}\n service_description test{test}\n check_command measured\n"
            " max_check_attempts 1\n check_interval 1\n retry_interval 1\n check_period always\n contacts nobody\n}"
            for test in range(TESTS)
        ]
    objects.append(
        "define contact {\n contact_name nobody\n host_notifications_enabled 0\n service_notifications_enabled 0\n"
        " host_notification_commands measured\n service_notification_commands measured\n"
        " host_notification_period always\n service_notification_period always\n}"
    )
    (folder / "objects.cfg").write_text("\n".join(objects))
    with process([str(NAGIOS), str(folder / "nagios.cfg")], folder) as pid:
        return _rate_of(pid, folder, seconds)


def icinga(argv: list[str], folder: Path, seconds: float) -> Rate:
    """Icinga 2 with so many services of that plugin."""
    words = ", ".join(f'"{word}"' if word != "$HOSTADDRESS$" else '"$address$"' for word in argv)
    (folder / "icinga.conf").write_text(_ICINGA_CONF.format(folder=folder, argv=words, hosts=HOSTS, tests=TESTS))
    places = [
        f"-DConfiguration.{name}={folder}" for name in ("DataDir", "LogDir", "CacheDir", "SpoolDir", "InitRunDir")
    ]
    places.append(f"-DConfiguration.PidPath={folder}/icinga.pid")
    users = ["-DConfiguration.RunAsUser=root", "-DConfiguration.RunAsGroup=root"]
    with process([str(ICINGA), "daemon", *places, *users, "-c", str(folder / "icinga.conf")], folder) as pid:
        return _rate_of(pid, folder, seconds)
