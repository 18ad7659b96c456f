import unicodedata

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from tokenpair import EmailAddress
from tokenpair.errors import InvalidInput

CANARY = "canary7f3a"
# With lone surrogates, which Hypothesis leaves out by default.
any_text = st.text(st.characters(codec=None, exclude_categories=()), max_size=80)


def canonical(text: str) -> str:
    return EmailAddress.parse(text).canonical


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("ada@example.com", "ada@example.com"),
        ("Ada.Lovelace@Example.COM", "ada.lovelace@example.com"),
        ("ada+books@example.com", "ada+books@example.com"),
        ("o'brien@example.com", "o'brien@example.com"),
        ("jose\u0301@example.com", "jos\u00e9@example.com"),
        ("JOS\u00c9@example.com", "jos\u00c9@example.com"),
        ("STRA\u00dfE@example.com", "stra\u00dfe@example.com"),
        ("ada@B\u00dcCHER.example.com", "ada@xn--bcher-kva.example.com"),
        ("ada@xn--bcher-kva.example.com", "ada@xn--bcher-kva.example.com"),
        ("ada@\uff45xample.com", "ada@example.com"),
    ],
)
def test_an_address_has_one_canonical_form(typed: str, expected: str) -> None:
    address = EmailAddress.parse(typed)

    assert address.canonical == expected
    assert address.typed == typed


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("mike@example.com", "m\u0131ke@example.com"),
        ("mike@example.com", "m\u0456ke@example.com"),
        ("mike@example.com", "\uff4dike@example.com"),
        ("ada@example.com", "ada@example.org"),
        ("a.da@example.com", "ada@example.com"),
        ("stra\u00dfe@example.com", "strasse@example.com"),
        ("jos\u00e9@example.com", "JOS\u00c9@example.com"),
        ("\u03c3@example.com", "\u03c2@example.com"),
    ],
)
def test_addresses_that_look_alike_differ(one: str, other: str) -> None:
    assert canonical(one) != canonical(other)


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "@",
        CANARY,
        f"{CANARY}@",
        "@example.com",
        f" {CANARY}@example.com",
        f"{CANARY}@example.com ",
        f"{CANARY}@example.com\n",
        f"{CANARY}\t@example.com",
        f"Ada <{CANARY}@example.com>",
        f"<{CANARY}@example.com>",
        f'"{CANARY} x"@example.com',
        f"{CANARY}@[127.0.0.1]",
        f"{CANARY}@[IPv6:::1]",
        f"{CANARY}@localhost",
        f"{CANARY}@example..com",
        f".{CANARY}@example.com",
        f"{CANARY}.@example.com",
        f"{CANARY}@-example.com",
        f"{CANARY}@@example.com",
        f"{CANARY}@example.com,b@example.com",
        f"{CANARY}@example.com\r\nBcc: eve@example.com",
        f"{CANARY}\0@example.com",
        f"{CANARY}\x1b@example.com",
        f"{CANARY}\ud800@example.com",
        f"{CANARY}@ex\ud800ample.com",
        f"{CANARY}\u202e@example.com",
        f"{CANARY}@" + "x" * 300 + ".com",
        CANARY * 30 + "@example.com",
    ],
)
def test_what_is_not_exactly_one_address_is_refused_without_quoting_it(text: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        EmailAddress.parse(text, field="new_email")

    assert [(e.field, e.reason) for e in caught.value.errors] == [
        ("new_email", "is not a valid e-mail address")
    ]
    assert CANARY not in str(caught.value)


BLANK = {
    "Hangul filler": "\u3164",
    "Hangul choseong filler": "\u115f",
    "Hangul jungseong filler": "\u1160",
    "halfwidth Hangul filler": "\uffa0",
    "blank Braille pattern": "\u2800",
    "variation selector": "\ufe0f",
    "variation selector of the supplement": "\U000e0100",
    "combining grapheme joiner": "\u034f",
    "soft hyphen": "\u00ad",
    "zero-width joiner": "\u200d",
    "no-break space": "\u00a0",
    "tag": "\U000e0041",
    "private use": "\ue000",
    "emoji": "\U0001f600",
}


@pytest.mark.parametrize("character", BLANK.values(), ids=BLANK)
@pytest.mark.parametrize("place", ["{}ada@example.com", "a{}da@example.com", "ada@ex{}ample.com"])
def test_a_new_address_has_no_character_that_looks_blank(place: str, character: str) -> None:
    with pytest.raises(InvalidInput):
        EmailAddress.parse_new(place.format(character))


@pytest.mark.parametrize(
    "text",
    [
        "jos\u00e9@example.com",
        "JOS\u00c9@example.com",
        "jose\u0301@example.com",
        "\u0430\u0434\u0430@\u043f\u0440\u0438\u043c\u0435\u0440.example",
        "\u7528\u6237@example.com",
        "\u0909\u0926\u093e\u0939\u0930\u0923@example.com",
        "\u0661\u0662@example.com",
        "col\u00b7lectiu@example.com",
        "\uff4dike@example.com",
        "ada@B\u00dcCHER.example.com",
    ],
)
def test_a_new_address_may_have_the_letters_of_any_script(text: str) -> None:
    assert EmailAddress.parse_new(text).typed == text


@given(any_text)
def test_any_text_is_an_address_or_invalid_input(text: str) -> None:
    try:
        address = EmailAddress.parse(text)
    except InvalidInput:
        return
    assert address.typed == text


@given(any_text, any_text)
def test_any_two_halves_are_an_address_or_invalid_input(local: str, domain: str) -> None:
    try:
        address = EmailAddress.parse(f"{local}@{domain}.com")
    except InvalidInput:
        return
    address.canonical.encode()
    assert address.canonical.count("@") == 1


@given(st.emails())
def test_the_case_of_an_address_does_not_matter(text: str) -> None:
    try:
        expected = canonical(text)
    except InvalidInput:
        assume(False)

    assert canonical(text.upper()) == canonical(text.lower()) == expected  # They are ASCII.
    assert canonical(expected) == expected


def test_the_canonical_form_is_composed() -> None:
    address = EmailAddress.parse("A\u030a\N{GREEK SMALL LETTER UPSILON}\u0308\u0301@example.com")

    assert address.canonical.startswith("\u00c5\u03b0"), ascii(address.canonical)
    assert unicodedata.is_normalized("NFC", address.canonical)
