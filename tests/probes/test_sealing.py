"""Secrets at rest: what opens them, and what does not."""

import stat

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gridkeeper.probes.sealing import SealingError, key_file, load_keys, new_key, parse_keys, seal, unseal, write_keys

OLD, NEW = new_key(), new_key()


@given(st.binary(max_size=5000), st.text(max_size=50))
def test_what_is_sealed_opens_for_its_purpose_with_any_key_that_is_kept(plain, purpose):
    sealed = seal(plain, purpose=purpose, keys=[OLD])
    assert unseal(sealed, purpose=purpose, keys=[NEW, OLD]) == plain
    assert len(plain) < 8 or plain not in sealed


@pytest.mark.parametrize(
    ("change", "purpose", "keys", "words"),
    [
        (lambda text: text, "credential 8", [OLD], "belongs to another"),
        (lambda text: text, "credential 7", [NEW], "which is not here"),
        (lambda text: text[:-1] + bytes([text[-1] ^ 1]), "credential 7", [OLD], "was changed"),
        (lambda text: text[:5], "credential 7", [OLD], "no sealed secret"),
        (lambda _: b"", "credential 7", [OLD], "no sealed secret"),
    ],
)
def test_what_was_moved_changed_or_lost_its_key_does_not_open(change, purpose, keys, words):
    sealed = seal(b"secret", purpose="credential 7", keys=[OLD])
    with pytest.raises(SealingError, match=words):
        unseal(change(sealed), purpose=purpose, keys=keys)


@given(st.binary(max_size=200))
def test_any_bytes_are_refused_in_words(noise):
    with pytest.raises(SealingError):
        unseal(noise, purpose="credential 7", keys=[OLD])


def test_the_same_text_is_never_sealed_the_same():
    assert seal(b"secret", purpose="x", keys=[OLD]) != seal(b"secret", purpose="x", keys=[OLD])


@pytest.mark.parametrize("text", ["short", "AAAA", "!!!", f"{OLD.text} AAAA"], ids=["short", "few", "none", "second"])
def test_keys_that_are_none_are_refused(text):
    with pytest.raises(SealingError, match=r"key [12]"):
        parse_keys(text)


def test_the_key_is_made_once_and_for_its_owner_alone(settings, tmp_path):
    config = settings.GRIDKEEPER
    settings.GRIDKEEPER = config.model_copy(update={"credential_key_file": tmp_path / "keys" / "credentials"})
    first = load_keys()
    assert load_keys() == first
    assert stat.S_IMODE(key_file().stat().st_mode) == 0o600
    write_keys([NEW, *first])
    assert load_keys() == [NEW, *first]
    assert [path.name for path in key_file().parent.iterdir()] == ["credentials"]


def test_the_environment_may_hold_the_keys(settings, tmp_path):
    given_keys = type(settings.GRIDKEEPER.credential_keys)(f"{NEW.text},{OLD.text}")
    settings.GRIDKEEPER = settings.GRIDKEEPER.model_copy(update={"credential_keys": given_keys})
    assert load_keys() == [NEW, OLD]
    assert NEW.text not in repr(settings.GRIDKEEPER)
    assert NEW.text not in repr(load_keys())
