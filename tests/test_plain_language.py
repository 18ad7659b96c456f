"""What `.ci/plain_language.py` finds, in a small project made for the purpose."""

import importlib.util
import sys
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import ModuleType

import pytest

SCRIPT = Path(__file__).parent.parent / ".ci/plain_language.py"


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    loader = SourceFileLoader("plain_language", str(SCRIPT))
    spec = importlib.util.spec_from_loader("plain_language", loader)
    assert spec is not None
    module = importlib.util.module_from_spec(spec)
    # Dataclasses look their module up while they are made.
    monkeypatch.setitem(sys.modules, "plain_language", module)
    loader.exec_module(module)
    return module


def findings(script: ModuleType, root: Path, path: str, text: str) -> list[str]:
    """Write one file of a project, and return what is found in it."""
    file = root / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    return [str(each) for folder in script.read(root).values() for each in folder.findings]


@pytest.mark.parametrize(
    ("path", "text", "found"),
    [
        ("src/a.py", "# For\n# whoever asks.\n", "src/a.py:2: 'whoever': name the caller"),
        ("src/a.py", '"""A page that\n\nNobody reads."""\n', "src/a.py:3: 'Nobody': name"),
        ("src/a.py", 'raise E(f"{x} is\\nsomebody")\n', "src/a.py:1: 'somebody': name"),
        ("src/a.py", "# A key whose file is missing.\n", "src/a.py:1: 'whose': make two"),
        ("src/a.py", 'raise E("the key is none for ES256")\n', "src/a.py:1: 'is none': write"),
        ("src/a.py", '"""So often it looks."""\n', "src/a.py:1: 'So often': write 'while'"),
        ("src/a.py", 'def f():\n    """Give x."""\n', "src/a.py:2: a docstring opens with 'Give'"),
        ("src/a.py", "x = 1\n" * 261, "src/a.py:1: 261 lines, 260 at most"),
        ("tests/a.py", "def f():\n" + "    x = 1\n" * 60, "tests/a.py:1: f has 61 lines"),
        ("docs/a.md", "One.\n\nWhatever.\n", "docs/a.md:3: 'Whatever': name the caller"),
        ("run", "# Anyone may.\n", "run:1: 'Anyone': name the caller"),
    ],
    ids=[
        *("comment", "docstring", "message", "whose", "is none", "So often", "Give"),
        *("long module", "long function", "document", "script without a suffix"),
    ],
)
def test_a_finding_names_file_and_line_and_what_to_do(
    path: str, text: str, found: str, script: ModuleType, tmp_path: Path
) -> None:
    (only,) = findings(script, tmp_path, path, text)

    assert only.startswith(found)


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("src/a.py", "nobody = whoever = 1\n"),
        ("src/a.py", 'EMAIL = "nobody@example.com"\n'),
        ("src/a.py", "# The user `nobody`; there is none.\n"),
        ("src/a.py", 'x = "Give it back"\n'),
        ("docs/a.md", "```\nnobody\n```\nThe user `nobody`.\n"),
        ("tests/a.py", "x = 1\n" * 500),
        ("tests/course/app/a.py", "# Nobody.\n"),
        ("bookly/web/vendor/a.py", "# Nobody.\n"),
        ("docs/reference/python.md", "Nobody.\n"),
    ],
    ids=[
        *("name", "one word", "code in a comment", "no docstring", "code in a document"),
        *("long test module", "the course's", "vendored", "generated"),
    ],
)
def test_what_is_not_prose_of_ours_is_left_alone(
    path: str, text: str, script: ModuleType, tmp_path: Path
) -> None:
    assert findings(script, tmp_path, path, text) == []


def test_no_pronoun_passes(script: ModuleType, tmp_path: Path) -> None:
    findings(script, tmp_path, "docs/a.md", "word " * 5000 + "nobody\n")

    assert list(script.too_many(script.read(tmp_path)))[-1] == "documents: 1 pronouns, 0 at most\n"


def test_one_whose_in_a_thousand_words_passes(script: ModuleType, tmp_path: Path) -> None:
    text = "word " * 999 + "whose\n"
    findings(script, tmp_path, "docs/a.md", text)
    passes = list(script.too_many(script.read(tmp_path)))

    findings(script, tmp_path, "docs/a.md", f"{text}whom\n")
    fails = list(script.too_many(script.read(tmp_path)))

    assert passes == []
    assert fails[-1] == "documents: 2 whose, 1 at most\n"


def test_one_folder_cannot_hide_behind_another(script: ModuleType, tmp_path: Path) -> None:
    findings(script, tmp_path, "tests/a.py", "# word\n" * 5000)
    findings(script, tmp_path, "src/a.py", "# One whose x.\n")

    assert list(script.too_many(script.read(tmp_path)))[-1] == "src: 1 whose, 0 at most\n"


def test_a_commit_subject_has_at_most_72_characters(script: ModuleType) -> None:
    log = f"abc1234 {'x' * 72}\ndef5678 {'x' * 73}\n"

    assert list(script.long_subjects(log)) == [
        "commit def5678: the subject has 73 characters, 72 at most: reword it"
    ]
