"""`gridkeeper roles map|why`: the role map as TOML, and why somebody may do something, or not."""

import sys
from pathlib import Path
from typing import Annotated

import typer
from django.utils import timezone

from gridkeeper.people.models import User
from gridkeeper.registry.commands import fail
from gridkeeper.registry.importers.report import UnreadableSourceError
from gridkeeper.registry.role_map_gocdb import Converted, as_toml, read_gocdb_map
from gridkeeper.registry.role_queries import ASKED_OF, WORDS, Explanation, Place, explain, find_object
from gridkeeper.registry.roles import LEVELS, ROLES, RoleMapError

EXIT_DENIED = 3


def register(app: typer.Typer) -> None:
    """Adds `gridkeeper roles`."""
    group = typer.Typer(help="Who may do what, and why.", no_args_is_help=True)
    group.command("map")(map_)
    group.command("why")(why)
    app.add_typer(group, name="roles")


def map_(
    source: Annotated[
        Path | None, typer.Option("--from", help="GOCDB's RoleActionMappings.xml; default: ours.")
    ] = None,
) -> None:
    """Print a role map as TOML: the one in use, or GOCDB's; keep it in a file and name that in `role_map`."""
    if source is None:
        sys.stdout.write(as_toml(_in_use()))
        return
    try:
        converted = read_gocdb_map(source)
    except (UnreadableSourceError, RoleMapError) as error:
        fail(str(error))
    for each in converted.unknown:
        typer.echo(f"gridkeeper: {each}: has no counterpart here and is left out", err=True)
    sys.stdout.write(as_toml(converted))


def _in_use() -> Converted:
    return Converted(
        {
            level: {name: set(role.permissions) for name, role in ROLES.items() if role.level == level}
            for level in LEVELS
        }
    )


def why(
    user: Annotated[str, typer.Argument(help="User name.")],
    action: Annotated[str, typer.Argument(help=f"One of {', '.join(ASKED_OF)}.")],
    on: Annotated[str, typer.Argument(metavar="OBJECT", help="Name, key, or kind:key as site:2G0.")] = "",
) -> None:
    """Say whether somebody may do something, by which role, and whom to ask. Ends with status 3 for no."""
    person = User.objects.filter(username=user).first()
    if person is None:
        fail(f"{user}: nobody has that user name")
    if action not in ASKED_OF:
        fail(f"{action}: there is no such action; use one of {', '.join(ASKED_OF)}")
    levels = ASKED_OF[action]
    subject = find_object(on, levels) if levels else None
    if levels and subject is None:
        fail(f"{on!r}: no {' or '.join(levels)} has that name or key")
    found = explain(person, action, subject, timezone.now())
    _say(found)
    if not found.is_allowed:
        raise typer.Exit(EXIT_DENIED)


def _say(found: Explanation) -> None:
    where = f": {found.subject}" if found.subject is not None else ""
    verdict = "yes" if found.is_allowed else "no"
    typer.echo(f"{verdict}: {found.user.get_username()}, {WORDS[found.permission].lower()}{where}")
    for reason in found.reasons:
        typer.echo(f"  {reason}")
    for place in found.places:
        _say_place(place, is_allowed=found.is_allowed)


def _say_place(place: Place, *, is_allowed: bool) -> None:
    typer.echo(f"  {place.word} {place.on}")
    typer.echo(f"    enough here: {', '.join(place.roles) or 'no role'}")
    held = [f"{each.grant.role}{' (allows it)' if each.is_enough else f' ({each.note})' if each.note else ''}"
            for each in place.held]  # fmt: skip
    typer.echo(f"    holds: {', '.join(held) or 'no role'}")
    if place.roles and not is_allowed:
        names = [person.get_username() for person in place.askable]
        typer.echo(f"    can grant it: {', '.join(names) or 'an operator of the installation'}")
