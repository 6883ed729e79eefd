"""`gridkeeper read-only` and `gridkeeper identity`: the switch of the installation, and who is who by certificate."""

from collections.abc import Callable
from typing import Annotated, NoReturn, TypeVar

import typer
from django.core.exceptions import ValidationError
from django.utils import timezone

from gridkeeper.people.actor import Actor
from gridkeeper.people.distinguished_names import DistinguishedNameError, canonical_dn
from gridkeeper.people.identities import Claim, add_identity, confirm_identity, unlink_identity
from gridkeeper.people.models import Identity, IdentityKind, User
from gridkeeper.people.read_only import read_only
from gridkeeper.people.read_only_switch import switch_read_only

_T = TypeVar("_T")
_Reason = Annotated[str, typer.Option(help="Why; everybody who wants to change something reads it.")]
_Username = Annotated[str, typer.Argument(help="Whose account.")]


def register(app: typer.Typer) -> None:
    switch = typer.Typer(help="Make everything read-only for a time.", no_args_is_help=True)
    switch.command("on")(on)
    switch.command("off")(off)
    switch.command("status")(status)
    app.add_typer(switch, name="read-only")
    identity = typer.Typer(help="Certificates and OpenID Connect subjects of people.", no_args_is_help=True)
    identity.command("add")(add)
    identity.command("list")(list_)
    identity.command("remove")(remove)
    app.add_typer(identity, name="identity")


def on(reason: _Reason) -> None:
    """From now on pages and API refuse every change; reading stays open."""
    _in_words(lambda: switch_read_only(Actor.system("cli"), is_on=True, reason=reason, now=timezone.now()))
    typer.echo("read-only; running processes follow within two seconds")


def off(reason: _Reason) -> None:
    """Changes are possible again."""
    _in_words(lambda: switch_read_only(Actor.system("cli"), is_on=False, reason=reason, now=timezone.now()))
    typer.echo("open to changes; running processes follow within two seconds")


def status() -> None:
    """Say whether it is read-only, and why."""
    mode = read_only()
    typer.echo(f"read-only: {mode.reason}" if mode else "open to changes")


def add(
    username: _Username,
    certificate: Annotated[str, typer.Option(help="Subject of a certificate, like /DC=org/CN=Alice Rossi.")] = "",
    issuer: Annotated[str, typer.Option(help="URL of an OpenID Connect issuer.")] = "",
    subject: Annotated[str, typer.Option(help="The person's subject (sub) there.")] = "",
) -> None:
    """Link an identity that you have verified yourself; it opens the account at once."""
    user = _user(username)
    claim = _claim(certificate, issuer, subject)
    identity = _in_words(lambda: add_identity(Actor.system("cli"), user=user, claim=claim, now=timezone.now()))
    confirm_identity(Actor.system("cli"), identity=identity, now=timezone.now())
    typer.echo(f"linked {claim} to {username}")


def list_(username: _Username) -> None:
    """Show a person's identities."""
    for identity in _user(username).identities.all():
        state = "linked" if identity.confirmed_at else "not confirmed"
        typer.echo(f"{identity.pk}\t{identity.kind}\t{identity.identifier}\t{identity.issuer}\t{state}")


def remove(
    username: _Username, number: Annotated[int, typer.Argument(help="As `gridkeeper identity list` shows it.")]
) -> None:
    """Unlink an identity; it opens nothing any more."""
    identity = Identity.objects.filter(user=_user(username), pk=number).first()
    if identity is None:
        _fail(f"{username} has no identity {number}; `gridkeeper identity list {username}` shows them")
    _in_words(lambda: unlink_identity(Actor.system("cli"), identity=identity))
    typer.echo(f"unlinked {identity}")


def _claim(certificate: str, issuer: str, subject: str) -> Claim:
    if bool(certificate) == bool(issuer and subject):
        _fail("give --certificate, or --issuer and --subject")
    if issuer:
        return Claim(IdentityKind.OIDC, subject, issuer)
    try:
        return Claim(IdentityKind.X509, canonical_dn(certificate))
    except DistinguishedNameError as error:
        _fail(str(error))


def _user(username: str) -> User:
    user = User.objects.filter(username=username).first()
    if user is None:
        _fail(f"there is no account {username!r}; `gridkeeper createadmin {username}` makes one")
    return user


def _in_words(action: Callable[[], _T]) -> _T:
    try:
        return action()
    except ValidationError as error:
        _fail(" ".join(error.messages))


def _fail(text: str) -> NoReturn:
    typer.echo(f"gridkeeper: {text}", err=True)
    raise typer.Exit(1)
