"""`gridkeeper createadmin` and `gridkeeper token`: the first person, and tokens for programs."""

import secrets
import sys
from datetime import timedelta
from typing import Annotated, NoReturn

import typer
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone

from gridkeeper.people.actor import Actor
from gridkeeper.people.models import Token, User
from gridkeeper.people.tokens import SCOPES, create_token, revoke_token


def register(app: typer.Typer) -> None:
    app.command()(createadmin)
    token = typer.Typer(help="Personal tokens for programs.", no_args_is_help=True)
    token.command("create")(create)
    token.command("list")(list_)
    token.command("revoke")(revoke)
    app.add_typer(token, name="token")


def createadmin(
    username: Annotated[str, typer.Argument(help="Name to sign in with.")],
    email: Annotated[str, typer.Option(help="Mail address.")] = "",
    password_stdin: Annotated[bool, typer.Option("--password-stdin", help="Read the password from a pipe.")] = False,
) -> None:
    """Make an account that may do everything. Asks for the password, or makes one where there is no terminal."""
    if User.objects.filter(username=username).exists():
        _fail(f"there is an account {username!r} already; choose another name")
    password, is_made = _password(from_pipe=password_stdin)
    try:
        validate_password(password, User(username=username, email=email))
    except ValidationError as error:
        _fail(" ".join(error.messages))
    with transaction.atomic():
        User.objects.create_superuser(username=username, email=email, password=password)
    typer.echo(f"made {username}" + (f", password {password}" if is_made else ""))


def _password(*, from_pipe: bool) -> tuple[str, bool]:
    if from_pipe:
        return sys.stdin.readline().rstrip("\n"), False
    if sys.stdin.isatty():
        return typer.prompt("Password", hide_input=True, confirmation_prompt=True), False
    return secrets.token_urlsafe(12), True


def create(
    username: Annotated[str, typer.Argument(help="Whose token it is: it can do no more than that person.")],
    scopes: Annotated[str, typer.Option(help=f"Comma-separated: {', '.join(SCOPES)}.")],
    name: Annotated[str, typer.Option(help="What it is for.")] = "made at the console",
    days: Annotated[int, typer.Option(min=0, max=3650, help="Days until it expires; 0: never.")] = 365,
) -> None:
    """Make a token and print it, once."""
    now = timezone.now()
    try:
        _token, secret = create_token(
            Actor.system("cli"),
            user=_user(username),
            name=name,
            scopes=[scope.strip() for scope in scopes.split(",") if scope.strip()],
            expires_at=now + timedelta(days=days) if days else None,
            now=now,
        )
    except ValidationError as error:
        _fail("; ".join(error.messages))
    typer.echo(secret)


def list_(username: Annotated[str, typer.Argument(help="Whose tokens.")]) -> None:
    """List a person's tokens, without their secrets."""
    for token in Token.objects.filter(user=_user(username)):
        state = "revoked" if token.revoked_at else f"until {token.expires_at:%Y-%m-%d}" if token.expires_at else "live"
        typer.echo(f"{token.prefix}…  {state}  {','.join(token.scopes)}  {token.name}")


def revoke(
    prefix: Annotated[str, typer.Argument(help="First characters of the token, as `token list` shows.")],
) -> None:
    """Make a token useless from now on."""
    found = list(Token.objects.filter(prefix=prefix.rstrip("…"), revoked_at=None))
    if len(found) != 1:
        _fail(f"{len(found)} live tokens begin with {prefix!r}; `gridkeeper token list USER` shows them")
    revoke_token(Actor.system("cli"), token=found[0], now=timezone.now())
    typer.echo(f"revoked {found[0]}")


def _user(username: str) -> User:
    user = User.objects.filter(username=username).first()
    if user is None:
        _fail(f"there is no account {username!r}; `gridkeeper createadmin {username}` makes one")
    return user


def _fail(text: str) -> NoReturn:
    typer.echo(f"gridkeeper: {text}", err=True)
    raise typer.Exit(1)
