"""One-time tokens: random, stored as a hash, with one spelling."""

import secrets
from dataclasses import fields
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tokenpair.core.one_time import Purpose, StoredOneTimeToken, new_token, parse
from tokenpair.core.tokens.encoding import base64url
from tokenpair.errors import MailTokenInvalid

NOW = datetime(2026, 1, 1, tzinfo=UTC)
USER = UUID("019a0000-0000-7000-8000-000000000000")
SECRET = bytes(range(32))


def make(purpose: Purpose = Purpose.VERIFY_EMAIL) -> tuple[str, StoredOneTimeToken]:
    return new_token(purpose, USER, "ada@example.com", NOW, lambda size: SECRET[:size])


def test_a_token_has_256_random_bits_of_which_the_hash_alone_is_stored() -> None:
    """V6.4.1, V6.5.2."""
    sizes: list[int] = []

    def random(size: int) -> bytes:
        sizes.append(size)
        return SECRET

    text, stored = new_token(Purpose.RESET_PASSWORD, USER, "ada@example.com", NOW, random)

    assert sizes == [32]
    assert stored.token_hash == sha256(SECRET).digest()
    shown = [str(getattr(stored, each.name)) for each in fields(stored)]
    assert not any(base64url(SECRET) in each or SECRET.hex() in each for each in shown)
    assert text not in repr(stored)


def test_two_tokens_differ() -> None:
    """V6.4.1."""
    texts = {
        new_token(Purpose.RESET_PASSWORD, USER, "ada@example.com", NOW, secrets.token_bytes)[0]
        for _ in range(10)
    }

    assert len(texts) == 10


@pytest.mark.parametrize(
    ("purpose", "lifetime"),
    [
        (Purpose.VERIFY_EMAIL, timedelta(hours=24)),
        (Purpose.RESET_PASSWORD, timedelta(minutes=30)),
        (Purpose.CHANGE_EMAIL, timedelta(hours=1)),
        (Purpose.INVITATION, timedelta(days=7)),
    ],
    ids=lambda each: each.value if isinstance(each, Purpose) else "",
)
def test_each_purpose_has_its_lifetime(purpose: Purpose, lifetime: timedelta) -> None:
    assert make(purpose)[1].expires_at == NOW + lifetime


def test_a_token_names_its_user_and_its_hash() -> None:
    text, stored = make()

    assert len(text) == 64
    assert parse(text) == (USER, stored.token_hash)


@given(st.text(max_size=70) | st.text("AZaz09-_", min_size=64, max_size=64))
def test_any_text_is_a_token_of_one_user_or_refused(text: str) -> None:
    try:
        user_id, _ = parse(text)
    except MailTokenInvalid:
        assert len(text) != 64 or set(text) - set("AZaz09-_")
    else:
        assert base64url(user_id.bytes)[:21] == text[:21]


@pytest.mark.parametrize("change", ["{} ", " {}", "{}\n", "{}=", "{}A", "\u200b{}"])
def test_a_token_with_anything_around_it_is_refused(change: str) -> None:
    with pytest.raises(MailTokenInvalid):
        parse(change.format(make()[0]))


def test_a_token_is_refused_however_it_is_cut() -> None:
    text = make()[0]

    for length in range(len(text)):
        with pytest.raises(MailTokenInvalid):
            parse(text[:length])
