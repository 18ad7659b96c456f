"""Which words are easy to guess for a user."""

from tokenpair import EmailAddress
from tokenpair.core.accounts.own_words import own_words

ADDRESS = EmailAddress.parse("Wilhelmina.Nightingale@example.com")


def test_the_address_counts_whole_and_in_words_as_typed_and_as_compared() -> None:
    assert own_words(ADDRESS, {}) == {
        "Wilhelmina.Nightingale@example.com",
        "wilhelmina.nightingale@example.com",
        *("Wilhelmina", "Nightingale", "wilhelmina", "nightingale", "example", "com"),
    }


def test_texts_of_the_profile_count_also_in_lists_and_objects() -> None:
    profile = {
        "username": "queen_of_owls",
        "shelves": ["Seafaring", {"name": "Botany"}],
        "pages": 700,
        "bio": None,
    }

    words = own_words(ADDRESS, profile)

    assert words >= {"queen_of_owls", "queen", "of", "owls", "Seafaring", "Botany"}
    assert not words & {"username", "shelves", "700", ""}


def test_prose_is_not_read() -> None:
    assert "owls" not in own_words(ADDRESS, {"bio": "owls " * 21})


def test_the_number_of_texts_is_bounded() -> None:
    many = {"tags": [f"tag{number}" for number in range(10_000)]}

    assert len(own_words(ADDRESS, many) - own_words(ADDRESS, {})) == 50
