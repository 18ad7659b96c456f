"""Templates: the library's, an app's own, and their languages."""

import sys
from pathlib import Path
from typing import Any

import pytest

from tests.mail.office import Office
from tokenpair import MailOptions, MailPurpose
from tokenpair.errors import ConfigurationError
from tokenpair.mail.render import InvalidTemplate, Rendered, Templates

LINK = "https://books.example.com/verify#token=abc"


def write(folder: Path, **files: str) -> None:
    folder.mkdir(exist_ok=True)
    for name, text in files.items():
        stem, _, suffix = name.rpartition("_")
        (folder / f"{stem}.{suffix}").write_text(text)


def rendered(templates: Templates, *, language: object = None, **values: Any) -> Rendered:
    given: dict[str, Any] = {
        "service": "Bookly",
        "link": LINK,
        "valid_for": "24 hours",
        "profile": {},
        "user": None,
        "data": {},
        "address": "ada@example.com",
    }
    return templates.render(MailPurpose.VERIFY_EMAIL, given | values, language=language)


def test_a_file_of_the_app_replaces_the_librarys(tmp_path: Path) -> None:
    write(tmp_path, verify_email_txt="Subject: Hello\n\n{{ link }}\n")

    found = rendered(Templates(tmp_path, language="en"))

    assert found == Rendered(subject="Hello", text=f"{LINK}\n", html=None, language="en")


def test_a_file_may_begin_with_a_byte_order_mark(tmp_path: Path) -> None:
    """As some editors on Windows write it."""
    write(tmp_path, verify_email_txt="\ufeffSubject: Hello\n\n{{ link }}\n")

    assert rendered(Templates(tmp_path, language="en")).subject == "Hello"


def test_other_mails_stay_the_librarys(tmp_path: Path) -> None:
    write(tmp_path, reset_password_txt="Subject: Hello\n\n{{ link }}\n")

    found = rendered(Templates(tmp_path, language="en"))

    assert found.subject == "Confirm your e-mail address"
    assert found.html is not None


def test_an_html_file_may_use_and_replace_the_librarys_layout(tmp_path: Path) -> None:
    write(
        tmp_path,
        verify_email_txt="Subject: Hello\n\n{{ link }}\n",
        verify_email_html='{% extends "layout.html" %}{% block content %}<b>{{ service }}</b>'
        "{% endblock %}",
    )
    plain = rendered(Templates(tmp_path, language="en"))
    write(tmp_path, layout_html="<main>{% block content %}{% endblock %}</main>")

    framed = rendered(Templates(tmp_path, language="en"))

    assert plain.html is not None
    assert "<b>Bookly</b>" in plain.html
    assert "<!doctype html>" in plain.html
    assert framed.html == "<main><b>Bookly</b></main>"


@pytest.mark.parametrize(
    ("language", "subject"),
    [
        ("de", "Hallo"),
        ("DE", "Hallo"),
        ("de-AT", "Servus"),
        ("de_AT", "Servus"),
        ("de-CH", "Hallo"),
        ("fr", "Hello"),
        ("", "Hello"),
        (None, "Hello"),
        (7, "Hello"),
        (["de"], "Hello"),
        ("../de", "Hello"),
        ("de/../de", "Hello"),
        ("..", "Hello"),
        ("x" * 100_000, "Hello"),
    ],
    ids=lambda value: repr(value)[:20],
)
def test_a_user_gets_the_language_of_the_profile(
    tmp_path: Path, language: object, subject: str
) -> None:
    write(tmp_path, verify_email_txt="Subject: Hello\n\n{{ link }}")
    write(tmp_path / "de", verify_email_txt="Subject: Hallo\n\n{{ link }}")
    write(tmp_path / "de-AT", verify_email_txt="Subject: Servus\n\n{{ link }}")

    assert rendered(Templates(tmp_path, language="en"), language=language).subject == subject


def test_a_user_without_a_language_gets_the_default_one(tmp_path: Path) -> None:
    write(tmp_path / "de", verify_email_txt="Subject: Hallo\n\n{{ language }}")

    found = rendered(Templates(tmp_path, language="de"))

    assert (found.subject, found.text, found.language) == ("Hallo", "de\n", "de")


def test_text_and_html_are_never_in_two_languages(tmp_path: Path) -> None:
    write(tmp_path / "de", verify_email_txt="Subject: Hallo\n\n{{ link }}")

    assert rendered(Templates(tmp_path, language="en"), language="de").html is None


async def test_the_profile_and_the_language_reach_the_template(tmp_path: Path) -> None:
    write(
        tmp_path / "de",
        password_changed_txt="Subject: Hallo {{ profile.first_name }}\n\n{{ user.email.typed }}",
    )
    office = Office(options=MailOptions(templates=tmp_path))
    profile = {"language": "de", "first_name": "Ada"}
    await office.queue(await office.a_user(profile=profile), MailPurpose.PASSWORD_CHANGED)

    (mail,) = await office.deliver()

    assert (mail.subject, mail.text, mail.language) == ("Hallo Ada", "ada@example.com\n", "de")


@pytest.mark.parametrize("end", ["\r\n", "\n", "\r", "\x0b", "\x85", "\u2028"], ids=ascii)
def test_a_value_adds_no_line_and_no_header(tmp_path: Path, end: str) -> None:
    write(tmp_path, verify_email_txt="Subject: Hello {{ profile.name }}\n\n{{ profile.name }}\n")
    name = f"Ada{end}Bcc: eve@example.com"

    found = rendered(Templates(tmp_path, language="en"), profile={"name": name})

    assert found.subject.split() == ["Hello", "Ada", "Bcc:", "eve@example.com"]
    assert len(found.subject.splitlines()) == len(found.text.splitlines()) == 1


def test_values_in_html_are_escaped(tmp_path: Path) -> None:
    write(
        tmp_path,
        verify_email_txt="Subject: Hello\n\n{{ profile.name }}",
        verify_email_html="<p>{{ profile.name }}</p>",
    )

    found = rendered(Templates(tmp_path, language="en"), profile={"name": "<b>Ada & Eve</b>"})

    assert found.text == "<b>Ada & Eve</b>\n"
    assert found.html == "<p>&lt;b&gt;Ada &amp; Eve&lt;/b&gt;</p>"


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"verify_email_html": "<p>"}, "has no text: add verify_email.txt"),
        ({"verify_email_txt": "Subject: {{ link"}, "is not valid"),
        ({"verify_email_txt": "Subject: {% if %}"}, "is not valid"),
        ({"layout_html": "{% block content %}"}, "layout.html is not valid"),
    ],
    ids=["html-alone", "open", "syntax", "layout"],
)
def test_files_that_cannot_be_used_stop_the_start(
    tmp_path: Path, files: dict[str, str], message: str
) -> None:
    write(tmp_path, **files)

    with pytest.raises(ConfigurationError, match=message) as caught:
        Templates(tmp_path, language="en")

    assert "\n" not in str(caught.value)


def test_a_folder_that_does_not_exist_stops_the_start(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="does not exist"):
        Templates(tmp_path / "none", language="en")


@pytest.mark.skipif(sys.platform != "linux", reason="needs a file that root cannot read")
def test_a_file_that_cannot_be_read_stops_the_start(tmp_path: Path) -> None:
    (tmp_path / "verify_email.txt").symlink_to("/proc/self/mem")

    with pytest.raises(ConfigurationError, match=f"templates in {tmp_path} cannot be read"):
        Templates(tmp_path, language="en")


def test_a_text_without_a_subject_raises(tmp_path: Path) -> None:
    write(tmp_path, verify_email_txt="Hello\n\n{{ link }}")

    with pytest.raises(InvalidTemplate, match="must be a subject"):
        rendered(Templates(tmp_path, language="en"))


@pytest.mark.parametrize("end", ["\u2028", "\x00", "\x1b"])
def test_a_subject_that_no_header_can_carry_raises(tmp_path: Path, end: str) -> None:
    write(tmp_path, verify_email_txt=f"Subject: Hello{end}you\n\n{{{{ link }}}}")

    with pytest.raises(InvalidTemplate, match="its subject has a control character"):
        rendered(Templates(tmp_path, language="en"))
