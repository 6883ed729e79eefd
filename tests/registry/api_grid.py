"""A small grid for tests of the API, and how they speak to it."""

import json
from dataclasses import dataclass
from typing import Any

from django.test import Client

from gridkeeper.people.actor import Actor
from gridkeeper.people.models import Token, User
from gridkeeper.people.tokens import create_token
from gridkeeper.registry.models import Ngi, Service, Site
from tests.builders import a_scope, a_service, a_site, a_user, an_endpoint, an_ngi

API = "/api/v1"


@dataclass
class Grid:
    """Two sites of two regions; alice runs ALPHA, bob its region, carol nothing; root may do everything."""

    swiss: Ngi
    slovene: Ngi
    alpha: Site
    beta: Site
    ce: Service
    se: Service
    other: Service


def a_grid() -> Grid:
    a_scope("EGI"), a_scope("Local")
    swiss, slovene = an_ngi(name="NGI_CH", scopes=["EGI"]), an_ngi(name="NGI_SI", scopes=["EGI"])
    alpha = a_site(
        ngi=swiss, name="ALPHA", country="Switzerland", country_code="CH", contact_email="grid@alpha.example.org",
        scopes=["EGI"], properties={"TIER": "2"},
    )  # fmt: skip
    beta = a_site(ngi=slovene, name="BETA", certification="Uncertified", scopes=["Local"])
    ce = a_service(of=alpha, type="CE", hostname="ce.alpha.example.org", scopes=["EGI", "Local"])
    se = a_service(of=alpha, type="SE", hostname="se.alpha.example.org", scopes=["EGI"], properties={"PORT": "443"})
    an_endpoint(of=se, name="https", url="https://se.alpha.example.org")
    other = a_service(of=beta, type="CE", hostname="ce.beta.example.org", scopes=["Local"])
    a_user("alice", site=alpha)
    a_user("bob", ngi=swiss)
    a_user("carol")
    User.objects.create_superuser("root")
    return Grid(swiss, slovene, alpha, beta, ce, se, other)


class Robot:
    """A program with a token of that person, perhaps with fewer scopes and only for some objects."""

    def __init__(self, name: str = "", *, scopes: tuple[str, ...] = ("*",), limits: tuple[str, ...] = ()) -> None:
        self.client = Client()
        self.headers: dict[str, str] = {}
        if name:
            from django.utils import timezone

            user = User.objects.get(username=name)
            token, secret = create_token(
                Actor.system(), user=user, name="robot", scopes=["*"], expires_at=None, now=timezone.now()
            )
            Token.objects.filter(pk=token.pk).update(limits=list(limits), scopes=list(scopes))
            self.headers = {"Authorization": f"Bearer {secret}"}

    def get(self, path: str, **headers: str) -> Any:
        return self.client.get(API + path, headers=self.headers | _named(headers))

    def send(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        return self.client.generic(
            method, API + path, json.dumps(body or {}), content_type="application/json",
            headers=self.headers | _named(headers),
        )  # fmt: skip

    def post(self, path: str, body: Any = None, **headers: str) -> Any:
        return self.send("POST", path, body, **headers)

    def patch(self, path: str, body: Any = None, **headers: str) -> Any:
        return self.send("PATCH", path, body, **headers)

    def put(self, path: str, body: Any = None, **headers: str) -> Any:
        return self.send("PUT", path, body, **headers)

    def post_text(self, path: str, text: str, content_type: str) -> Any:
        return self.client.generic("POST", API + path, text, content_type=content_type, headers=self.headers)


def _named(headers: dict[str, str]) -> dict[str, str]:
    return {name.replace("_", "-"): value for name, value in headers.items()}


def names(answer: Any, field: str = "name") -> list[str]:
    assert answer.status_code == 200, answer.content
    return [item[field] for item in answer.json()["items"]]
