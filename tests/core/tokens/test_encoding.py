import json

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tokenpair.core.tokens.encoding import base64url, from_base64url, strict_json

ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"


@given(st.binary(max_size=100))
def test_what_was_encoded_decodes(data: bytes) -> None:
    text = base64url(data)

    assert set(text) <= set(ALPHABET)
    assert from_base64url(text) == data


@given(st.text(st.sampled_from(ALPHABET + "=+/ \n\u0660"), max_size=12))
def test_exactly_one_text_decodes_to_given_bytes(text: str) -> None:
    try:
        data = from_base64url(text)
    except ValueError:
        return
    assert base64url(data) == text


@pytest.mark.parametrize(
    "text",
    [
        "AA==",
        "AA=",
        "A",
        "AAAAA",
        "AB",
        "AAB",
        "A A",
        "AA\n",
        "+/+/",
        "A\u0410AA",
        "A#",
        "\ud800",
    ],
)
def test_any_other_text_is_refused(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011  Only the class is promised.
        from_base64url(text)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@given(json_values)
def test_plain_json_is_read(value: object) -> None:
    assert strict_json(json.dumps(value)) == value
    assert strict_json(json.dumps(value).encode()) == value


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "{",
        "NaN",
        "[NaN]",
        "Infinity",
        '{"a": -Infinity}',
        '{"a": 1, "a": 1}',
        '[{"a": 1, "\\u0061": 2}]',
        "{} {}",
        "'a'",
        "\ufeff{}",
        "9" * 5000,
        "9" * 309,
        "-" + "9" * 309,
        "1e999",
        '{"a": [-1e999]}',
        "1" + "0" * 400 + ".5",
        "[" * 101 + "]" * 101,
        '{"a":' * 101 + "1" + "}" * 101,
        "[" * 100_000 + "]" * 100_000,
        '{"a":' * 100_000 + "1" + "}" * 100_000,
    ],
    ids=lambda text: text[:12] or "empty",
)
def test_what_parsers_disagree_about_is_refused(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011  Only the class is promised.
        strict_json(text)
    with pytest.raises(ValueError):  # noqa: PT011
        strict_json(text.encode())


@pytest.mark.parametrize(
    "text",
    [
        "-0",
        "1e308",
        "-1.5e-999",
        "9" * 308,
        "[" * 100 + "1" + "]" * 100,
        json.dumps([[{}]] * 1000),
        json.dumps("[" * 1000),
    ],
    ids=lambda text: text[:12],
)
def test_what_every_parser_reads_is_read(text: str) -> None:
    assert strict_json(text) == json.loads(text)


@pytest.mark.parametrize("codec", ["utf-16", "utf-16-le", "utf-32", "utf-8-sig", "latin-1"])
def test_only_utf_8_is_read(codec: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011
        strict_json('{"a": "é"}'.encode(codec))


@given(st.binary(max_size=50))
@example(b"\xff\xfe{}")
@example(b'"\xed\xa0\x80"')
def test_any_bytes_are_json_or_a_value_error(data: bytes) -> None:
    try:
        strict_json(data)
    except ValueError:
        return
