"""Credentials of tests over the API: their secrets go in, and nothing of them comes out. Machines': `/credentials`."""

from datetime import datetime
from typing import Annotated, Any

from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils import timezone
from ninja import Query, Router, Schema
from ninja.decorators import decorate_view
from pydantic import Field, SecretStr

from gridkeeper.people.actor import Actor
from gridkeeper.people.permission import is_permitted, require
from gridkeeper.probes.api_inputs import JsonObject, Secret, named_tests, named_vo
from gridkeeper.probes.credential_actions import (
    Entered,
    add_credential,
    edit_credential,
    end_credential,
    renew_credential,
)
from gridkeeper.probes.models import Credential, CredentialKind, CredentialSecret, CredentialUse
from gridkeeper.probes.permissions import EDIT_CREDENTIAL
from gridkeeper.registry.api_changes import Call, change
from gridkeeper.registry.api_inputs import Edit, KeyText, Reason
from gridkeeper.registry.api_parameters import ChangedSince, Key, Sort, Text, exact, listed
from gridkeeper.registry.api_resources import Resource, with_version
from gridkeeper.vos.models import Vo
from gridkeeper.web.api import ChangesPage, Limit, Offset, Page, paginate
from gridkeeper.web.conditional import conditional

router = Router(tags=["credentials of tests"])
_Names = Annotated[list[KeyText], Field(max_length=1000)]


class TestCredentialOut(Schema):
    """What is known of a credential; never what it is."""

    __test__ = False

    id: int = Field(examples=[3])
    name: str = Field(examples=["dteam robot"])
    vo: str | None = Field(description="Null: for tests that run once for all.", examples=["dteam"])
    kind: str = Field(examples=["x509"])
    options: dict[str, Any] = Field(examples=[{"hours": 12}])
    tests: list[str] = Field(description="Empty: all tests of the VO that need one of its kind.")
    subject: str = Field(description="Whom it says that we are.")
    not_after: datetime | None = Field(description="When what was entered ends; null: it tells no end.")
    is_enabled: bool
    has_secret: bool = Field(description="False: it was ended.")
    issued_until: datetime | None = Field(description="When the newest proxy or token made from it ends.")
    renewed_at: datetime | None
    failure: str = Field(description="Why the last renewal failed; empty: it did not.")
    version: int = Field(description="Grows with every change; the ETag begins with it.", examples=[17])

    @staticmethod
    def resolve_vo(row: Credential) -> str | None:
        return row.vo.name if row.vo else None

    @staticmethod
    def resolve_options(row: Credential) -> dict[str, Any]:
        return {name: value for name, value in row.options.items() if name != "need"}

    @staticmethod
    def resolve_tests(row: Credential) -> list[str]:
        return sorted(test.name for test in row.tests.all())

    @staticmethod
    def resolve_has_secret(row: Credential) -> bool:
        return _secret(row) is not None

    @staticmethod
    def resolve_issued_until(row: Credential) -> datetime | None:
        return getattr(_secret(row), "issued_until", None)

    @staticmethod
    def resolve_renewed_at(row: Credential) -> datetime | None:
        return getattr(_secret(row), "renewed_at", None)

    @staticmethod
    def resolve_failure(row: Credential) -> str:
        return getattr(_secret(row), "failure", "")


class CredentialUseOut(Schema):
    """That it was handed to runs of a test on a worker, within one hour."""

    test: str = Field(examples=["CE-js"])
    worker: str
    hour: datetime = Field(description="Its start.")
    times: int = Field(examples=[4])
    last_hostname: str


class TestCredentialEdit(Edit):
    """Changes of a credential; the secret stays where none is sent."""

    __test__ = False

    name: KeyText = Field("", examples=["dteam robot"])
    options: JsonObject = Field({}, examples=[{"hours": 12}])
    is_enabled: bool = True
    tests: _Names = Field([], description="Names; empty: all of the VO that need one of its kind.")
    secret: Secret = Field(SecretStr(""), description="A new one. Never shown again.")
    password: Secret = Field(SecretStr(""), description="Of the key; with a refresh token, the client's secret.")

    def entered(self) -> Entered | None:
        """What was sent as a secret; None where nothing was."""
        secret = self.secret.get_secret_value()
        return Entered(secret, self.password.get_secret_value()) if secret else None


class TestCredentialAdd(Reason):
    """A new credential; its VO and kind are for ever."""

    __test__ = False

    name: KeyText = Field(examples=["dteam robot"])
    vo: KeyText | None = Field(None, description="Name of the VO; without: for tests that run once for all.")
    kind: CredentialKind = Field(examples=["x509"])
    options: JsonObject = Field({}, examples=[{"hours": 12}])
    tests: _Names = Field([], description="Names; empty: all of the VO that need one of its kind.")
    secret: Secret = Field(description="Certificate and key in PEM, client secret, or token. Never shown again.")
    password: Secret = Field(SecretStr(""), description="Of the key; with a refresh token, the client's secret.")


def _credentials() -> "QuerySet[Credential]":
    return with_version(Credential.objects.select_related("vo", "secret").prefetch_related("tests"))


def _secret(row: Credential) -> CredentialSecret | None:
    return getattr(row, "secret", None)


TEST_CREDENTIALS = Resource("test_credential", Credential, _credentials, TestCredentialOut, key="id")


@router.get("/test-credentials", response=ChangesPage[TestCredentialOut], summary="Credentials of tests")
@decorate_view(conditional)
def list_test_credentials(
    request: HttpRequest, vo: Text = "", kind: Text = "", is_enabled: Annotated[bool | None, Query(None)] = None,
    changed_since: ChangedSince = None, order: Sort = "", limit: Limit = 100, offset: Offset = 0,
) -> dict[str, Any]:  # fmt: skip
    """Those that you keep: of the VOs that you manage, or all for superusers."""
    rows = _credentials().filter(_mine(Actor.of(request, "api")), **exact(vo__name=vo, kind=kind))
    return listed(
        request, TEST_CREDENTIALS, rows.filter(**exact(is_enabled=is_enabled)), closed=True,
        changed_since=changed_since, order=order, fields={"name": "name", "not_after": "not_after"}, limit=limit,
        offset=offset,
    )  # fmt: skip


def _mine(actor: Actor) -> Q:
    """Who acts with what is nobody else's affair. Raises NotPermittedError for whoever keeps none."""
    kept = [vo.pk for vo in Vo.objects.all() if is_permitted(actor, EDIT_CREDENTIAL, vo)]
    if is_permitted(actor, EDIT_CREDENTIAL, None):
        return Q(vo__in=kept) | Q(vo=None)
    if not kept:
        require(actor, EDIT_CREDENTIAL, None)
    return Q(vo__in=kept)


def _found(request: HttpRequest, key: str) -> Credential:
    row: Credential = TEST_CREDENTIALS.find(key)
    require(Actor.of(request, "api"), EDIT_CREDENTIAL, row.vo)
    return row


@router.get("/test-credentials/{key}", response=TestCredentialOut, summary="One credential of tests")
@decorate_view(conditional)
def get_test_credential(request: HttpRequest, key: Key) -> Credential:
    """For whoever keeps it; never its secret."""
    return TEST_CREDENTIALS.note(request, _found(request, key))


@router.get("/test-credentials/{key}/uses", response=Page[CredentialUseOut], summary="Uses of a credential")
def list_uses(request: HttpRequest, key: Key, limit: Limit = 100, offset: Offset = 0) -> dict[str, Any]:
    """Which tests were handed it, where and how often; the newest hour first."""
    return paginate(request, CredentialUse.objects.filter(credential=_found(request, key)), limit, offset)


@change(router, "POST", "/test-credentials", TEST_CREDENTIALS, "add", summary="Enter a credential", status=201)
def enter_credential(call: Call, body: TestCredentialAdd) -> Credential:
    """Stored encrypted; tests that need it are handed it by a private file for each run."""
    return add_credential(
        call.actor, name=body.name, vo=named_vo(body.vo) if body.vo else None, kind=body.kind.value,
        options=body.options, tests=named_tests(body.tests), reason=body.reason, now=call.now,
        entered=Entered(body.secret.get_secret_value(), body.password.get_secret_value()),
    )  # fmt: skip


@change(router, "PATCH", "/test-credentials/{key}", TEST_CREDENTIALS, "edit", summary="Edit a credential")
def change_credential(call: Call, row: Credential, body: TestCredentialEdit) -> Credential:
    """Changes the fields that are sent. A stored secret goes to no other address than it was entered for."""
    sent = body.values("tests", "secret", "password")
    return edit_credential(
        call.actor, credential=row, changes=sent, entered=body.entered(), reason=body.reason, now=call.now,
        tests=named_tests(body.tests) if "tests" in body.model_fields_set else None,
    )  # fmt: skip


@change(router, "POST", "/test-credentials/{key}/end", TEST_CREDENTIALS, "end", summary="Forget a credential's secret")
def forget_secret(call: Call, row: Credential, body: Edit) -> Credential:
    """With all that was made from it; what is out already stays valid until it ends."""
    return end_credential(call.actor, credential=row, reason=body.reason)


@router.post("/test-credentials/{key}/renew", response=TestCredentialOut, summary="Renew a credential now")
def renew_now(request: HttpRequest, key: Key) -> Credential:
    """Makes a proxy or gets a token; 422 with the issuer's words where that fails."""
    renew_credential(Actor.of(request, "api"), credential=_found(request, key), now=timezone.now())
    return TEST_CREDENTIALS.find(key)
