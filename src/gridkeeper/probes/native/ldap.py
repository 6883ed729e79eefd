"""LDAP: the server answers a search, with at least so many entries and the values that are expected."""

from gridkeeper.core.status import Status
from gridkeeper.probes.native.check import Arguments, Check, CheckArgumentError, CheckFailedError, Outcome, Run, Target
from gridkeeper.probes.native.connect import port_of
from gridkeeper.probes.native.ldap_client import Answer, Entry, open_ldap
from gridkeeper.probes.native.ldap_filter import FilterError, parse_filter

_SHOWN = 20


class LdapArguments(Arguments, frozen=True, kw_only=True):
    """What to ask and what to expect.

    base: DN to search below, "" is the root; scope: base, one or sub; filter: RFC 4515
    attributes: that are read, none: all; expect: "attribute=value" that some entry must have
    warning_entries, critical_entries: fewer entries are bad; most_entries: read at most
    tls: from the first byte (ldaps); ca_file: trusted certificates
    """

    base: str = ""
    scope: str = "base"
    filter: str = "(objectClass=*)"
    attributes: tuple[str, ...] = ()
    expect: tuple[str, ...] = ()
    warning_entries: int = 1
    critical_entries: int = 1
    most_entries: int = 10_000
    tls: bool = False
    ca_file: str = ""

    def __post_init__(self) -> None:
        require_filter("ldap", self.filter)
        if self.scope not in {"base", "one", "sub"}:
            raise CheckArgumentError(f"ldap: scope {self.scope!r} is none of base, one, sub")


def require_filter(check: str, source: str) -> None:
    """Raises CheckArgumentError for text that is no filter."""
    try:
        parse_filter(source)
    except FilterError as error:
        raise CheckArgumentError(f"{check}: {error}") from error


async def _check(target: Target, arguments: LdapArguments, run: Run) -> Outcome:
    port = port_of(target, arguments.port, 636 if arguments.tls else 389)
    connection = await open_ldap(target, port, run, is_tls=arguments.tls, ca_file=arguments.ca_file)
    try:
        answer = await connection.search(
            arguments.base, arguments.filter, arguments.attributes, scope=arguments.scope,
            most_entries=arguments.most_entries,
        )  # fmt: skip
    finally:
        connection.close()
    if answer.code and not answer.is_cut:
        raise CheckFailedError(Status.CRITICAL, f"searching {arguments.base or 'the root'}: {answer.words}")
    missing = [wanted for wanted in arguments.expect if not _has(answer.entries, wanted)]
    output = describe(answer.entries)
    if missing:
        raise CheckFailedError(Status.CRITICAL, f"no entry of {len(answer.entries)} has {', '.join(missing)}", output)
    return judge_count(answer, arguments.warning_entries, arguments.critical_entries, arguments.base, output)


def _has(entries: list[Entry], wanted: str) -> bool:
    name, _, value = wanted.partition("=")
    return any(value in entry.values(name) for entry in entries)


def judge_count(answer: Answer, warning: int, critical: int, base: str, output: str = "") -> Outcome:
    """OK, WARNING or CRITICAL by the number of entries; fewer than the limits are bad."""
    count = len(answer.entries)
    text = f"{'at least ' if answer.is_cut else ''}{count} entr{'y' if count == 1 else 'ies'}"
    text += f" below {base}" if base else ""
    status = Status.OK
    for limit, worse in ((critical, Status.CRITICAL), (warning, Status.WARNING)):
        if count < limit and not answer.is_cut:
            status, text = worse, f"{text}, wanted at least {limit}"
            break
    return Outcome(status, text, output, f"entries={count};{warning}:;{critical}:;0")


def describe(entries: list[Entry]) -> str:
    """The first entries as LDIF, for the log."""
    lines = []
    for entry in entries[:_SHOWN]:
        lines.append(f"dn: {entry.dn}")
        lines += [f"{name}: {value}" for name, values in entry.attributes.items() for value in values]
        lines.append("")
    if len(entries) > _SHOWN:
        lines.append(f"and {len(entries) - _SHOWN} more")
    return "\n".join(lines)


LDAP = Check("ldap", LdapArguments, _check)
