"""Texts that show nothing are refused, and those in every script are kept."""

import unicodedata

import httpx2

from bookly.text import is_visible
from tests.bookly.catalogue import assert_problem
from tests.bookly.conftest import API, Person

INVISIBLE = {
    "a zero-width space": "\u200b",
    "joiners and a byte-order mark": "\u200c\u200d\ufeff",
    "marks of direction": "\u202e\u2066",
    "control characters": "\x07\x1f\x7f\x9b",
    "spaces of many widths": "\u00a0\u2003\u2028\u3000",
    "a combining mark": "\u0301",
    "a mark that takes up space": "\u0903",
    "variation selectors": "\ufe0f\U000e0100",
    "tags": "\U000e0041\U000e007f",
    "fillers of Hangul": "\u115f\u1160\u3164\uffa0",
    "an empty pattern of Braille": "\u2800",
}
VISIBLE = {
    "Chinese": "红楼梦",
    "Arabic with vowels": "أَلْف لَيْلَة",
    "Persian with a non-joiner": "می\u200cخواهم",  # noqa: RUF001  Not Latin letters.
    "Hebrew with points": "תַּנַ״ךְ",
    "Hindi": "क्षितिज",
    "Thai": "สี่แผ่นดิน",
    "decomposed French": unicodedata.normalize("NFD", "Été"),
    "decomposed Hangul": unicodedata.normalize("NFD", "한강"),
    "a family of joined emoji": "👩‍👩‍👧‍👦",
    "a flag of tags": "🏴\U000e0067\U000e0062\U000e0073\U000e0063\U000e0074\U000e007f",
    "digits in keycaps": "1\ufe0f\u20e3",
    "punctuation": "?",
    "a letter behind a mark of direction": "\u200fa",
    "a letter that a later Unicode has": "\U000323b0",
}


def test_a_text_is_visible_if_a_character_has_a_shape() -> None:
    assert [name for name, text in INVISIBLE.items() if is_visible(text)] == []
    assert [name for name, text in VISIBLE.items() if not is_visible(text)] == []


async def test_a_users_name_that_shows_nothing_is_refused(
    client: httpx2.AsyncClient, ada: Person
) -> None:
    names = {"username": "\u2060", "first_name": "  ", "last_name": "\u0301"}

    answer = await client.patch(f"{API}/auth/me", json=names, headers=ada.headers)

    problem = assert_problem(answer, 422, "invalid_input")
    reason = "should have at least 1 visible character"
    assert problem["errors"] == [{"field": name, "reason": reason} for name in names]
