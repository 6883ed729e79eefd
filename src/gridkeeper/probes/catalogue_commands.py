"""`gridkeeper packs`, `gridkeeper credentials`, and what `gridkeeper tests` imports from Nagios."""

import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Annotated, NoReturn

import typer
from django.conf import settings
from django.core.exceptions import ValidationError
from django.utils import timezone
from rich.console import Console
from rich.table import Table

from gridkeeper.people.actor import Actor
from gridkeeper.probes.credential_actions import (
    Entered,
    add_credential,
    end_credential,
    renew_credential,
    rotate_key,
)
from gridkeeper.probes.credential_rules import CredentialError, lifetime_status
from gridkeeper.probes.credential_store import attributes_of
from gridkeeper.probes.models import Credential, CredentialKind, Test
from gridkeeper.probes.nagios_actions import import_nagios as do_import
from gridkeeper.probes.nagios_actions import lines_of, preview_nagios, read_folder
from gridkeeper.probes.pack_actions import install_pack, preview_pack
from gridkeeper.probes.packs import packs
from gridkeeper.probes.sealing import SealingError, new_key
from gridkeeper.registry.models import Site
from gridkeeper.vos.models import Vo

_ACTOR = Actor.system("cli")
_DRY = Annotated[bool, typer.Option("--dry-run", help="Say what would be done, and do nothing.")]
_REASON = Annotated[str, typer.Option(help="Kept in the history.")]


def register(app: typer.Typer) -> None:
    catalogue = typer.Typer(help="Packs of tests.", no_args_is_help=True)
    catalogue.command("list")(list_packs)
    catalogue.command("install")(install)
    app.add_typer(catalogue, name="packs")
    credentials = typer.Typer(
        help="What tests act with. Secrets come in by files or standard input.", no_args_is_help=True
    )
    for name, command in (("list", list_credentials), ("add", add), ("renew", renew), ("end", end)):
        credentials.command(name)(command)
    credentials.command("new-key")(print_key)
    credentials.command("rotate-key")(rotate)
    app.add_typer(credentials, name="credentials")
    app.command("import-nagios")(import_nagios)


def list_packs() -> None:
    """What ships, and how much of it is installed."""
    installed = list(Test.objects.exclude(pack="").values_list("pack", flat=True))
    table = Table("pack", "title", "tests", "installed")
    for name, pack in packs().items():
        table.add_row(name, pack.title, str(len(pack.content.get("tests", []))), str(installed.count(name)))
    Console().print(table)


def install(
    names: Annotated[list[str], typer.Argument(help="Packs; `all` for every one.")],
    vo: Annotated[
        list[str] | None, typer.Option(help="VOs whose profiles get them; without: the operations VO.")
    ] = None,
    overwrite: Annotated[bool, typer.Option(help="Overwrite what people changed.")] = False,
    dry_run: _DRY = False,
    reason: _REASON = "installed at the console",
) -> None:
    """Install packs of tests, or bring them up to date."""
    vos = _vos(vo or [settings.GRIDKEEPER.operations_vo])
    act = preview_pack if dry_run else install_pack
    for name in packs() if names == ["all"] else names:
        with _Problems():
            report = act(_ACTOR, name=name, vos=vos, reason=reason, now=timezone.now(), overwrite=overwrite)
            typer.echo(f"{name}: {report.sentence}")
            for test, fields in report.kept.items():
                typer.echo(f"  kept as people set it: {test}: {', '.join(item.label for item in fields)}")
            if report.missing_types:
                typer.echo(f"  the registry has no service type {', '.join(report.missing_types)}")


def import_nagios(
    path: Annotated[Path, typer.Argument(help="Folder of .cfg files, or one file.", exists=True)],
    site: Annotated[str, typer.Option(help="Site whose services the hosts become.")],
    vo: Annotated[str, typer.Option(help="VO whose profile runs the tests; without: the operations VO.")] = "",
    dry_run: _DRY = False,
    reason: _REASON = "import from Nagios",
) -> None:
    """Take over hosts, host groups, services and commands of a Nagios object configuration."""
    home = Site.objects.current().filter(name=site).first()
    if home is None:
        _fail(f"there is no site {site!r}")
    [owner] = _vos([vo or settings.GRIDKEEPER.operations_vo])
    act = preview_nagios if dry_run else do_import
    with _Problems():
        report = act(_ACTOR, files=read_folder(path), site=home, vo=owner, reason=reason, now=timezone.now())
        for line in lines_of(report):
            typer.echo(line)


def list_credentials() -> None:
    """Every credential with its state."""
    now = timezone.now()
    table = Table("credential", "VO", "kind", "state", "newest until", "attributes")
    for row in Credential.objects.select_related("vo", "secret"):
        secret = getattr(row, "secret", None)
        words, until = "ended", ""
        if secret is not None:
            status, words = lifetime_status(
                row.not_after, secret.issued_until, secret.failure, now=now, warning_days=14, critical_days=3
            )
            words = f"{status.name}: {words}" if row.is_enabled else "switched off"
            until = f"{secret.issued_until:%Y-%m-%d %H:%M} UTC" if secret.issued_until else ""
        table.add_row(row.name, row.vo.name if row.vo else "", row.kind, words, until, _attributes(row))
    Console().print(table)


def _attributes(credential: Credential) -> str:
    """VO, groups and roles of its newest proxy, until when."""
    try:
        found = attributes_of(credential)
    except CredentialError as error:
        return str(error)
    return "\n".join(f"{each.vo}: {', '.join(each.fqans)} until {each.not_after:%Y-%m-%d %H:%M} UTC" for each in found)


def add(
    name: str,
    kind: Annotated[CredentialKind, typer.Option(help="x509, client, refresh or static.")],
    vo: Annotated[str, typer.Option(help="Whose it is; without: of no VO, for tests that run once for all.")] = "",
    file: Annotated[
        list[Path] | None, typer.Option(help="Files of the secret, joined; without: standard input.")
    ] = None,
    password_file: Annotated[
        Path | None, typer.Option(help="File of the key's password, or the client's secret.")
    ] = None,
    token_endpoint: Annotated[str, typer.Option(help="OAuth2: https://... of the issuer's token endpoint.")] = "",
    client_id: Annotated[str, typer.Option(help="OAuth2: what the issuer calls us.")] = "",
    scope: Annotated[str, typer.Option(help="OAuth2: scopes, separated by blanks.")] = "",
    audience: Annotated[str, typer.Option(help="OAuth2: audience of the tokens.")] = "",
    hours: Annotated[int, typer.Option(help="Life of a proxy.")] = 0,
    voms: Annotated[
        list[str] | None, typer.Option(help="Of a VOMS server: https:// address, or a line of a vomses file. In turn.")
    ] = None,
    voms_vo: Annotated[str, typer.Option(help="What the VOMS servers call the VO; without: as --vo.")] = "",
    fqan: Annotated[list[str] | None, typer.Option(help="Group or role: /dteam/Role=lcgadmin. Repeatable.")] = None,
    voms_hours: Annotated[int, typer.Option(help="Life of the VOMS attributes; without: as --hours.")] = 0,
    reason: _REASON = "entered at the console",
) -> None:
    """Store a credential, encrypted."""
    options: dict[str, object] = {
        "token_endpoint": token_endpoint, "client_id": client_id, "scope": scope, "audience": audience, "hours": hours,
        "voms_url": voms, "voms_vo": voms_vo, "fqans": fqan, "voms_hours": voms_hours,
    }  # fmt: skip
    options = {option: value for option, value in options.items() if value}
    entered = Entered(_secret(file), password_file.read_text().strip() if password_file else "")
    owner = _vos([vo])[0] if vo else None
    with _Problems():
        stored = add_credential(
            _ACTOR, name=name, vo=owner, kind=kind.value, options=options, entered=entered, reason=reason,
            now=timezone.now(),
        )  # fmt: skip
        typer.echo(f"{stored.name} is stored{f'; it acts as {stored.subject}' if stored.subject else ''}.")


def renew(name: str) -> None:
    """Make a proxy, or get a token, now."""
    with _Problems():
        until = renew_credential(_ACTOR, credential=_credential(name), now=timezone.now())
        typer.echo(f"{name} is renewed{f', until {until:%Y-%m-%d %H:%M} UTC' if until else ''}.")


def end(name: str, reason: Annotated[str, typer.Option(help="Kept in the history.")]) -> None:
    """Forget the secret of a credential; the record of its uses stays."""
    with _Problems():
        end_credential(_ACTOR, credential=_credential(name), reason=reason)
        typer.echo(f"The secret of {name} is forgotten.")


def print_key() -> None:
    """Print a new key, for GRIDKEEPER_CREDENTIAL_KEYS or its file."""
    typer.echo(new_key().text)


def rotate() -> None:
    """Seal every credential with a new key, and drop the old ones. Restart the services afterwards."""
    with _Problems():
        typer.echo(f"{rotate_key(_ACTOR)} credentials are sealed with the new key.")


def _secret(files: Sequence[Path] | None) -> str:
    if not files and sys.stdin.isatty():
        _fail("give the secret by --file or on standard input")
    try:
        return "\n".join(file.read_text() for file in files) if files else sys.stdin.read()
    except (OSError, UnicodeDecodeError) as error:
        _fail(f"the secret cannot be read: {error}")


def _vos(names: Iterable[str]) -> list[Vo]:
    found = []
    for name in names:
        vo = Vo.objects.current().filter(name=name).first()
        if vo is None:
            _fail(f"there is no VO {name!r}")
        found.append(vo)
    return found


def _credential(name: str) -> Credential:
    found = Credential.objects.filter(name=name).select_related("vo").first()
    if found is None:
        _fail(f"there is no credential {name!r}; `gridkeeper credentials list` shows them")
    return found


class _Problems:
    """Says what was refused, and ends with status 1."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        if isinstance(error, ValidationError):
            _fail("; ".join(error.messages), 1)
        if isinstance(error, SealingError):
            _fail(str(error), 1)


def _fail(text: str, code: int = 2) -> NoReturn:
    typer.echo(f"gridkeeper: {text}", err=True)
    raise typer.Exit(code)
