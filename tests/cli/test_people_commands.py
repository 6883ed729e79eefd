"""`gridkeeper read-only` and `gridkeeper identity`."""

import pytest
from typer.testing import CliRunner

from gridkeeper.cli.main import build_app
from gridkeeper.people.read_only import forget, read_only
from tests.builders import a_user

pytestmark = pytest.mark.django_db


@pytest.fixture
def gridkeeper():
    app = build_app()
    forget()
    yield lambda *words: CliRunner().invoke(app, words)
    forget()


def test_read_only_is_switched_on_and_off_with_reasons(gridkeeper):
    assert gridkeeper("read-only", "status").output == "open to changes\n"
    assert gridkeeper("read-only", "on", "--reason", "moving").exit_code == 0
    assert read_only().reason == "moving"
    assert gridkeeper("read-only", "status").output == "read-only: moving\n"
    again = gridkeeper("read-only", "on", "--reason", "moving")
    assert again.exit_code == 1
    assert "read-only already" in again.output
    assert gridkeeper("read-only", "off", "--reason", "done").exit_code == 0
    assert read_only() is None
    assert gridkeeper("read-only", "off").exit_code == 2


def test_an_identity_is_linked_listed_and_unlinked(gridkeeper):
    alice = a_user("alice")
    assert gridkeeper("identity", "add", "alice", "--certificate", "CN=Alice Rossi,DC=org").exit_code == 0
    identity = alice.identities.get()
    assert identity.identifier == "/DC=org/CN=Alice Rossi"
    assert identity.confirmed_at is not None
    assert identity.history.first().history_source == "cli"
    assert "/DC=org/CN=Alice Rossi" in gridkeeper("identity", "list", "alice").output
    assert gridkeeper("identity", "remove", "alice", str(identity.pk)).exit_code == 0
    assert not alice.identities.exists()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("add", "nobody", "--certificate", "/CN=x"), "no account 'nobody'"),
        (("add", "alice"), "give --certificate, or --issuer and --subject"),
        (("add", "alice", "--issuer", "https://x"), "give --certificate, or --issuer and --subject"),
        (("add", "alice", "--certificate", "Alice"), "write it like"),
        (("remove", "alice", "77"), "has no identity 77"),
    ],
)
def test_it_says_what_is_wrong_and_what_to_do(gridkeeper, words, said):
    a_user("alice")
    done = gridkeeper("identity", *words)
    assert done.exit_code == 1
    assert said in done.output
