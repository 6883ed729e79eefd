import pytest
import rules

from gridkeeper.people.actor import Actor
from gridkeeper.people.permission import NotPermittedError, is_permitted, require
from tests.builders import a_user


@pytest.fixture(autouse=True)
def _a_permission():
    rules.add_perm("people.test_only", rules.always_true)
    yield
    rules.remove_perm("people.test_only")


@pytest.mark.django_db
def test_it_denies_what_no_rule_allows():
    actor = Actor(user=a_user("alice"))
    assert not is_permitted(actor, "people.no_such_rule")


@pytest.mark.django_db
def test_it_denies_an_anonymous_visitor_and_says_to_sign_in():
    with pytest.raises(NotPermittedError, match="anonymous may not people: test only; sign in first"):
        require(Actor(), "people.test_only")


def test_the_console_of_the_installation_may_do_everything():
    require(Actor.system("cli"), "people.no_such_rule")


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("scopes", "is_allowed"),
    [({"people"}, True), ({"people.test_only"}, True), ({"*"}, True), ({"registry"}, False), (set(), False)],
)
def test_a_token_narrows_what_its_person_may_do(scopes, is_allowed):
    actor = Actor(user=a_user("alice"), scopes=frozenset(scopes))
    assert is_permitted(actor, "people.test_only") is is_allowed


@pytest.mark.django_db
def test_a_refused_token_says_which_scope_it_lacks():
    actor = Actor(user=a_user("alice"), scopes=frozenset({"registry"}))
    with pytest.raises(NotPermittedError, match=r"lacks the scope 'people\.test_only'"):
        require(actor, "people.test_only")


@pytest.mark.django_db
def test_a_deactivated_person_may_nothing():
    user = a_user("alice")
    user.is_active = False
    assert not is_permitted(Actor(user=user), "people.test_only")
