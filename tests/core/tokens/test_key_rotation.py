"""The states of a key, by what it still does in each."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from tokenpair import Key, Keyring, Lifetimes
from tokenpair.core.tokens.key import KeyState
from tokenpair.core.tokens.key_rotation import JWKS_MAX_AGE, compromise, publish, retire, rotate
from tokenpair.core.tokens.material import ALGORITHMS
from tokenpair.errors import ConfigurationError

NOW = datetime(2026, 1, 1, tzinfo=UTC)
LIFETIMES = Lifetimes()
MINUTE = timedelta(minutes=1)
OLD = Key.generate(since=NOW - timedelta(days=90))
NEW = Key.generate("Ed25519")
ALONE = Keyring([OLD])
PUBLISHED = publish(ALONE, NEW, NOW)
NEW_ENOUGH = NOW + JWKS_MAX_AGE
ROTATED = rotate(PUBLISHED, NEW_ENOUGH)


def states(keyring: Keyring) -> dict[str, str]:
    return {key.kid: key.state.value for key in keyring.keys}


def test_a_published_key_is_known_to_all_and_does_not_sign() -> None:
    assert states(PUBLISHED) == {NEW.kid: "published", OLD.kid: "signing"}
    assert [key["kid"] for key in PUBLISHED.to_public_jwks()["keys"]] == [OLD.kid, NEW.kid]


def test_a_published_key_signs_once_every_verifier_has_had_time_to_learn_it() -> None:
    with pytest.raises(ConfigurationError, match="try again in 1 seconds"):
        rotate(PUBLISHED, NEW_ENOUGH - timedelta(seconds=1))

    assert states(rotate(PUBLISHED, NEW_ENOUGH)) == {NEW.kid: "signing", OLD.kid: "published"}


def test_the_end_of_time_in_a_key_file_is_no_crash() -> None:
    """The file was written by hand. A key from the future entered its state just now."""
    end = datetime.max.replace(tzinfo=UTC)
    old = replace(OLD, since=end)
    new = Key.generate(state=KeyState.PUBLISHED, since=end)
    retired = Key.generate(state=KeyState.RENEWAL_ONLY, since=end)

    assert retire(Keyring([new, old, retired]), NOW, LIFETIMES).keys == (new, old, retired)
    with pytest.raises(ConfigurationError, match="try again in"):
        rotate(Keyring([new, old]), NOW)


def test_who_has_no_other_verifiers_need_not_wait() -> None:
    assert rotate(PUBLISHED, NOW, early=True).signing.kid == NEW.kid


def test_there_is_nothing_to_rotate_to_without_a_new_key() -> None:
    for keyring in (ALONE, ROTATED):
        with pytest.raises(ConfigurationError, match="make a new one first"):
            rotate(keyring, NOW + timedelta(days=1))


def test_the_newest_of_several_published_keys_signs() -> None:
    newest = Key.generate()

    keyring = rotate(publish(PUBLISHED, newest, NOW), NEW_ENOUGH)

    assert states(keyring) == {newest.kid: "signing", NEW.kid: "published", OLD.kid: "published"}


def test_an_old_key_verifies_access_tokens_until_the_last_of_them_is_dead() -> None:
    left = NEW_ENOUGH + LIFETIMES.access

    assert states(retire(ROTATED, left, LIFETIMES))[OLD.kid] == "published"
    assert states(retire(ROTATED, left + MINUTE, LIFETIMES))[OLD.kid] == "renewal-only"


def test_an_old_key_is_gone_when_the_last_of_its_refresh_tokens_is_dead() -> None:
    began = NEW_ENOUGH + LIFETIMES.access + MINUTE
    keyring = retire(ROTATED, began, LIFETIMES)
    left = began + LIFETIMES.idle

    assert OLD.kid in states(retire(keyring, left, LIFETIMES))
    assert states(retire(keyring, left + MINUTE, LIFETIMES)) == {NEW.kid: "signing"}


def test_to_retire_never_touches_a_key_that_signs_or_is_to() -> None:
    ages = NOW + timedelta(days=10_000)

    assert states(retire(PUBLISHED, ages, LIFETIMES)) == states(PUBLISHED)


def test_a_key_of_unknown_age_is_retired_from_now_on() -> None:
    plain = Keyring([Key.generate(), Key.generate(state=KeyState.PUBLISHED)])
    old = plain.keys[1].kid

    seen = retire(plain, NOW, LIFETIMES)
    later = retire(seen, NOW + LIFETIMES.access + MINUTE, LIFETIMES)

    assert (states(seen)[old], states(later)[old]) == ("published", "renewal-only")


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_after_a_leak_a_new_key_of_the_same_kind_signs_at_once(algorithm: str) -> None:
    leaked = Key.generate(algorithm)

    keyring = compromise(Keyring([leaked]), leaked.kid, NOW)

    assert keyring.signing.kid != leaked.kid
    assert keyring.signing.algorithm == algorithm
    assert keyring.signing.since == NOW
    assert states(keyring)[leaked.kid] == "renewal-only"


def test_after_a_leak_a_key_that_is_published_takes_over() -> None:
    keyring = compromise(PUBLISHED, OLD.kid, NOW)

    assert states(keyring) == {NEW.kid: "signing", OLD.kid: "renewal-only"}


def test_a_leaked_key_that_does_not_sign_leaves_the_one_that_does() -> None:
    assert states(compromise(PUBLISHED, NEW.kid, NOW)) == {
        NEW.kid: "renewal-only",
        OLD.kid: "signing",
    }
    assert states(compromise(ROTATED, OLD.kid, NOW)) == {
        NEW.kid: "signing",
        OLD.kid: "renewal-only",
    }


def test_a_leak_told_twice_does_not_begin_anew() -> None:
    once = compromise(ROTATED, OLD.kid, NOW)

    twice = compromise(once, OLD.kid, NOW + timedelta(days=6))

    assert [key.since for key in twice.keys] == [key.since for key in once.keys]


def test_a_leak_of_an_unknown_key_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="there is no key 'unknown'"):
        compromise(ALONE, "unknown", NOW)
