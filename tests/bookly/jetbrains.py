"""Write `bookly.jetbrains.http`: the walk of `bookly.http`, in the syntax of JetBrains' editors.

    uv run python -m tests.bookly.jetbrains

There a script after each request checks the answer and stores it.
"""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
COLLECTION = ROOT / "bookly.http"
WRITTEN = ROOT / "bookly.jetbrains.http"

HEAD = """\
# A walk through Bookly, for the HTTP client of JetBrains' editors. Start it first: ./run
# "Run All Requests in File": each request checks its answer.
# Made from bookly.http by: uv run python -m tests.bookly.jetbrains
"""
_USE = re.compile(r"{{(\w+)\.response\.body\.(\w+)}}")


def jetbrains(text: str) -> str:
    """Return the collection in the syntax of JetBrains."""
    head, *requests = re.split(r"^### ", text, flags=re.MULTILINE)
    variables = "".join(f"{line}\n" for line in head.splitlines() if line.startswith("@"))
    used = dict.fromkeys(_USE.findall(text))
    written = (_request(each, list(used)) for each in requests)
    return f"{HEAD}\n{variables}\n" + "\n".join(written)


def _request(text: str, used: list[tuple[str, str]]) -> str:
    expected = re.search(r"^# @expect (\d+) ?(\w*)$", text, flags=re.MULTILINE)
    assert expected, text
    status, code = expected.groups()
    name = re.search(r"^# @name (\w+)$", text, flags=re.MULTILINE)
    kept = [member for request, member in used if name and request == name[1]]
    lines = [line for line in text.strip().splitlines() if not line.startswith("# @expect")]
    request = _USE.sub(r"{{\1_\2}}", "\n".join(lines))
    return f"### {request}\n\n> {{%\n{_script(status, code, name[1] if name else '', kept)}%}}\n"


def _script(status: str, code: str, name: str, kept: list[str]) -> str:
    checks = [f"client.assert(response.status === {status}, `got ${{response.status}}`);"]
    if code:
        checks += [
            # JetBrains parses only application/json.
            "const body = response.body;",
            'const problem = typeof body === "string" ? JSON.parse(body) : body;',
            f'client.assert(problem.code === "{code}", `got ${{problem.code}}`);',
        ]
    label = f"{status} {code}".strip()
    script = [f'client.test("{label}", () => {{', *(f"  {check}" for check in checks), "});"]
    script += [f'client.global.set("{name}_{member}", response.body.{member});' for member in kept]
    return "".join(f"  {line}\n" for line in script)


if __name__ == "__main__":
    WRITTEN.write_text(jetbrains(COLLECTION.read_text()))
