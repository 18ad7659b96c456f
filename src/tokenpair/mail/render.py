"""Make a mail from its templates: the app's own files where there are some, else the library's.

An app's folder holds `verify_email.txt` and `verify_email.html`, and so on, for each mail that it
writes itself; a sub-folder such as `de` holds those of a language. The first line of a text is the
subject: `Subject: Confirm your address`.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unicodedata import category

from tokenpair.core.mail import MailPurpose
from tokenpair.errors import ConfigurationError

if TYPE_CHECKING:
    from jinja2 import Environment

_BUILT_IN = Path(__file__).parent / "templates"
_SUBJECT = "Subject:"
_BREAKS = {"Cc", "Zl", "Zp", "Cs"}  # Control characters, line separators, lone surrogates.


class InvalidTemplate(Exception):
    """A template made no mail that can be sent. Its text quotes nothing of the mail."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rendered:
    """The parts of a mail. `html` is None if there is no such template."""

    subject: str
    text: str
    html: str | None
    language: str


class Templates:
    """The templates of each language, by their names."""

    def __init__(self, folder: Path | None = None, *, language: str) -> None:
        """`language` is that of users without one, and of the folder's own files.

        Raises `ConfigurationError` for a folder that cannot be read, an HTML file without its
        text, and a template with a syntax error.
        """
        self._language = language
        self._built_in = _Folder(_BUILT_IN, language="en")
        self._folders: dict[str, _Folder] = {}
        if folder is not None:
            try:
                self._folders = _app_folders(folder, language)
                for each in self._folders.values():
                    each.check()
            except OSError as exc:
                raise ConfigurationError(
                    f"the mail templates in {folder} cannot be read: {exc}"
                ) from exc

    def render(
        self, purpose: MailPurpose, values: Mapping[str, Any], *, language: object = None
    ) -> Rendered:
        """Return the mail in a user's language, which may be any value of the user's profile.

        The text and the HTML come from the same folder. Raises what a template raises.
        """
        found = next(self._with_text(purpose, language), self._built_in)
        return found.render(purpose, values)

    def _with_text(self, purpose: MailPurpose, language: object) -> Iterator["_Folder"]:
        # A language from a profile is only compared with the folders' names, never part of a path.
        for name in (*_names(language), *_names(self._language), ""):
            if (folder := self._folders.get(name)) and folder.has(f"{purpose.value}.txt"):
                yield folder


class _Folder:
    """The templates in one folder. It inherits what it lacks, such as `layout.html`."""

    def __init__(self, path: Path, *, language: str, parent: Path | None = None) -> None:
        self._path = path
        self._language = language
        self._search = [each for each in (path, parent, _BUILT_IN) if each is not None]
        self._environment: Environment | None = None

    def has(self, name: str) -> bool:
        return (self._path / name).is_file()

    def check(self) -> None:
        """Raises `ConfigurationError` for files that cannot be used."""
        for purpose in MailPurpose:
            text, html = f"{purpose.value}.txt", f"{purpose.value}.html"
            if self.has(html) and not self.has(text):
                raise ConfigurationError(
                    f"the mail template {self._path / html} has no text: add {text} beside it"
                )
        # All files, because one of them may include or extend another.
        for path in sorted(self._path.iterdir()):
            if path.suffix in {".txt", ".html"} and path.is_file():
                self._require_valid(path)

    def _require_valid(self, path: Path) -> None:
        from jinja2 import TemplateSyntaxError  # noqa: PLC0415  See `_make_environment`.

        try:
            self._loaded().get_template(path.name)
        except (TemplateSyntaxError, UnicodeDecodeError) as exc:
            raise ConfigurationError(f"the mail template {path} is not valid: {exc}") from exc

    def render(self, purpose: MailPurpose, values: Mapping[str, Any]) -> Rendered:
        given = {**values, "language": self._language}
        text = self._loaded().get_template(f"{purpose.value}.txt").render(given)
        subject, text = _split_subject(text)
        html = None
        if self.has(name := f"{purpose.value}.html"):
            html = self._loaded().get_template(name).render({**given, "subject": subject})
        return Rendered(subject=subject, text=text, html=html, language=self._language)

    def _loaded(self) -> "Environment":
        if self._environment is None:
            self._environment = _make_environment(self._search)
        return self._environment


def _app_folders(folder: Path, language: str) -> dict[str, _Folder]:
    if not folder.is_dir():
        raise ConfigurationError(
            f"the folder of mail templates {folder} does not exist: set TOKENPAIR_MAIL_TEMPLATES, "
            "or MailOptions(templates=...), to a folder"
        )
    found = {"": _Folder(folder, language=language)}
    for each in sorted(folder.iterdir()):
        if each.is_dir():
            found[_normalized(each.name)] = _Folder(each, language=each.name, parent=folder)
    return found


def _names(language: object) -> tuple[str, ...]:
    """Return the names of the folders of a language: for "de-AT" also that of "de"."""
    if not isinstance(language, str) or not language:
        return ()
    full = _normalized(language)
    return full, full.partition("-")[0]


def _normalized(language: str) -> str:
    return language.replace("_", "-").lower()


def _split_subject(text: str) -> tuple[str, str]:
    head, _, body = text.lstrip().partition("\n")
    subject = head.removeprefix(_SUBJECT).strip()
    if not head.startswith(_SUBJECT) or not subject:
        raise InvalidTemplate("the first line of its text must be a subject: `Subject: …`")
    if _has_break(subject):  # Such as one that was pasted from a word processor.
        raise InvalidTemplate(
            "its subject has a control character or a line separator: type the line again"
        )
    return subject, body.strip() + "\n"


def _make_environment(search: list[Path]) -> "Environment":
    # Imported here, because Jinja2 takes long to import, and many processes send no mail.
    from jinja2 import (  # noqa: PLC0415
        Environment,
        FileSystemLoader,
        StrictUndefined,
        select_autoescape,
    )

    return Environment(
        # Some editors begin a file with a byte order mark, and the text must begin with a subject.
        loader=FileSystemLoader(search, encoding="utf-8-sig"),
        autoescape=select_autoescape(["html"]),
        undefined=StrictUndefined,  # A misspelt variable would leave a gap in the mail.
        finalize=_on_one_line,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def _on_one_line(value: object) -> object:
    """Replace control characters in a value: a user's name must add no line and no header."""
    if not isinstance(value, str) or value.isprintable():
        return value
    return type(value)("".join(" " if category(each) in _BREAKS else each for each in value))


def _has_break(text: str) -> bool:
    return any(category(each) in _BREAKS for each in text)
