#!/usr/bin/env python3
"""Check that comments, docstrings, messages and documents are in plain language.

`./run check` runs this. `python .ci/plain_language.py --all src/tokenpair/feed` lists every finding
below a path. CONTRIBUTING.md has the rules.
"""

import ast
import io
import re
import shutil
import subprocess
import sys
import tokenize
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

MODULE_LINES = 260
FUNCTION_LINES = 60
SUBJECT_CHARACTERS = 72
RELATIVES_PER_1000_WORDS = 1

CODE = {"documents", "src", "bookly", "clients", "tests", "bench"}

# Text of others: vendored files, installed packages, and an app as the course writes it.
NOT_OURS = {"vendor", "node_modules", ".venvs", "__pycache__"}
# The second is generated; the third quotes what this check refuses.
NOT_OURS_EITHER = (
    "tests/course/app/",
    "docs/reference/python.md",
    "tests/test_plain_language.py",
)

WORD = re.compile(r"[A-Za-z][A-Za-z'-]*")
PRONOUN = re.compile(
    r"\b(who(?:m|so)?ever|whatever|whichever|(?:no|some|any|every)body|(?:any|some)one)\b",
    re.IGNORECASE,
)
RELATIVE = re.compile(r"\b(whose|whom)\b", re.IGNORECASE)
PHRASES = {
    r"\bwill do\b(?=[.,:;)]|$)": "write 'is valid' or 'works'",
    r"\bwill not do\b": "write 'is invalid', 'is unsupported' or 'is missing'",
    r"(?<!here )\b(?:is|are) none\b(?! of)": "write 'is not a ...' or 'is invalid'",
    r"\bmakes? no sense\b": "write 'is invalid'",
    r"\bsa(?:ys|id) nothing\b": "write 'does not respond' or 'is not known'",
    r"\b[Ss]o (?:long|often|many)\b(?! (?:ago|that)\b)": "write 'while', or name the number",
    r"\bvanish(?:es|ed)?\b": "write 'is unreachable' or 'disappears'",
    r"\btakes? leave\b": "write 'closes'",
    r"\bpatience\b": "write 'timeout'",
    r"\bwithout a word\b": "write 'without closing the connection' or 'silently'",
}


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One place, relative to the root, that breaks a rule of one kind."""

    path: str
    line: int
    kind: str
    advice: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.advice}"


@dataclass(kw_only=True)
class Folder:
    """The findings of one top-level folder, and the number of words that were read in it."""

    words: int = 0
    findings: list[Finding] = field(default_factory=list)

    def of(self, kind: str) -> list[Finding]:
        """Return the findings of one kind."""
        return [finding for finding in self.findings if finding.kind == kind]


def main(arguments: list[str]) -> int:
    """Print what is wrong, and a summary; return the exit code."""
    paths = [argument for argument in arguments if not argument.startswith("-")]
    folders = read(ROOT)
    if "--all" in arguments:
        shown = [found for folder in folders.values() for found in folder.findings]
        print(*(found for found in shown if found.path.startswith(tuple(paths or [""]))), sep="\n")
    problems = [*too_many(folders), *long_subjects(commits())]
    print(*problems, "", summary(folders), sep="\n")
    return 1 if problems else 0


def read(root: Path) -> dict[str, Folder]:
    """Read every file of the project, by top-level folder; all documents count as one folder."""
    folders: dict[str, Folder] = {}
    for path in sorted(files(root)):
        name = path.relative_to(root).as_posix()
        is_document = path.suffix in {".md", ".example"}
        top = "documents" if is_document else name.partition("/")[0]
        folder = folders.setdefault(top if top in CODE else "the rest", Folder())
        source = path.read_text(encoding="utf-8")
        texts = prose(source) if is_document else python_texts(source)
        for line, text in texts:
            folder.words += len(WORD.findall(text))
            folder.findings += in_text(name, line, text)
        if not is_document:
            folder.findings += in_code(name, source)
    return folders


def files(root: Path) -> Iterator[Path]:
    """Yield the project's own Python files and documents; this needs no git."""
    for path in [*root.glob("*"), *(root / ".ci").glob("*.py")]:
        if path.name in {*CODE, "docs"}:
            yield from (each for each in path.rglob("*") if is_ours(each, root))
        elif is_ours(path, root) or path.name == "run":
            yield path


def is_ours(path: Path, root: Path) -> bool:
    """Tell whether a file is to be read."""
    inside = path.relative_to(root)
    return (
        path.suffix in {".py", ".md", ".example"}
        and NOT_OURS.isdisjoint(inside.parts)
        and not inside.as_posix().startswith(NOT_OURS_EITHER)
        and path.is_file()
    )


def prose(document: str) -> Iterator[tuple[int, str]]:
    """Yield a document's lines, numbered, without blocks and pieces of code."""
    is_code = False
    for number, line in enumerate(document.splitlines(), start=1):
        if line.lstrip().startswith("```"):
            is_code = not is_code
        elif not is_code:
            yield number, re.sub(r"`[^`]*`", "`", line)


def python_texts(source: str) -> Iterator[tuple[int, str]]:
    """Yield the lines of comments, docstrings, and strings of more than one word, numbered."""
    for kind, number, text, _ in _texts(source):
        if kind == tokenize.COMMENT or " " in text.strip():
            for offset, line in enumerate(text.split("\n")):
                yield number + offset, re.sub(r"`[^`]*`", "`", line.replace("\\n", "  "))


def _texts(source: str) -> Iterator[tuple[int, int, str, bool]]:
    """Yield kind, line and text of comments and strings, and whether each is a docstring."""
    strings = {tokenize.STRING, getattr(tokenize, "FSTRING_MIDDLE", tokenize.STRING)}
    starts = {tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENCODING}
    before = tokenize.ENCODING
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            yield token.type, token.start[0], token.string, False
        elif token.type in strings:
            yield tokenize.STRING, token.start[0], token.string, before in starts
        if token.type not in {tokenize.COMMENT, tokenize.NL}:
            before = token.type


def in_text(path: str, line: int, text: str) -> Iterator[Finding]:
    """Yield what one line of prose has that a reader must read twice."""
    for match in PRONOUN.finditer(text):
        advice = f"'{match[0]}': name the caller, client, worker, operator or attacker"
        yield Finding(path=path, line=line, kind="pronouns", advice=advice)
    for match in RELATIVE.finditer(text):
        advice = f"'{match[0]}': make two sentences, or write 'with'"
        yield Finding(path=path, line=line, kind="whose", advice=advice)
    for pattern, instead in PHRASES.items():
        for match in re.finditer(pattern, text):
            yield Finding(path=path, line=line, kind="phrases", advice=f"'{match[0]}': {instead}")


def in_code(path: str, source: str) -> Iterator[Finding]:
    """Yield docstrings that open with Give, and modules and functions that are too long."""
    for _, line, text, is_docstring in _texts(source):
        if is_docstring and re.match(r"[a-zA-Z]*[\"']+\s*Gives?\b", text):
            advice = "a docstring opens with 'Give': write 'Return ...'"
            yield Finding(path=path, line=line, kind="give", advice=advice)
    length = source.count("\n")
    if length > MODULE_LINES and not path.startswith("tests/"):
        advice = f"{length} lines, {MODULE_LINES} at most: divide the module"
        yield Finding(path=path, line=1, kind="modules", advice=advice)
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            length = (node.end_lineno or node.lineno) - node.lineno + 1
            if length > FUNCTION_LINES:
                advice = f"{node.name} has {length} lines, {FUNCTION_LINES} at most: divide it"
                yield Finding(path=path, line=node.lineno, kind="functions", advice=advice)


def too_many(folders: dict[str, Folder]) -> Iterator[str]:
    """Yield the findings of each kind that a folder has too many of."""
    for name, folder in folders.items():
        for kind in ("pronouns", "whose", "phrases", "give", "modules", "functions"):
            found = folder.of(kind)
            allowed = folder.words * RELATIVES_PER_1000_WORDS // 1000 if kind == "whose" else 0
            if len(found) > allowed:
                yield from map(str, found)
                yield f"{name}: {len(found)} {kind}, {allowed} at most\n"


def commits() -> str:
    """Return hash and subject of the commits since this check was added; without git, nothing."""
    if not (ROOT / ".git").exists() or shutil.which("git") is None:
        return ""
    script = Path(__file__).resolve().relative_to(ROOT)
    added = _git("log", "--diff-filter=A", "--format=%H", "--", str(script)).split()
    return _git("log", "--format=%h %s", f"{added[-1]}..HEAD") if added else ""


def _git(*arguments: str) -> str:
    command = ["git", "-C", str(ROOT), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout


def long_subjects(log: str) -> Iterator[str]:
    """Yield the commits of a log with too long a subject."""
    for line in log.splitlines():
        commit, _, subject = line.partition(" ")
        if len(subject) > SUBJECT_CHARACTERS:
            size = f"the subject has {len(subject)} characters, {SUBJECT_CHARACTERS} at most"
            yield f"commit {commit}: {size}: reword it"


def summary(folders: dict[str, Folder]) -> str:
    """Return a table of what each folder contains."""
    columns = (
        f"{'words':>8}{'pronouns':>10}{'whose':>7}{'per 1,000':>11}"
        f"{'phrases':>9}{'Give':>6}{'long':>6}"
    )
    rows = [f"{'':12}{columns}"]
    for name, folder in folders.items():
        pronouns, whose = len(folder.of("pronouns")), len(folder.of("whose"))
        long = len(folder.of("modules")) + len(folder.of("functions"))
        per_1000 = 1000 * whose / max(folder.words, 1)
        rows.append(
            f"{name:12}{folder.words:8}{pronouns:10}{whose:7}{per_1000:11.1f}"
            f"{len(folder.of('phrases')):9}{len(folder.of('give')):6}{long:6}"
        )
    return "\n".join(rows)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
