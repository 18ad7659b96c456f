"""The tutorial, followed exactly in an empty folder."""

import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.docs.reading import ROOT, blocks
from tests.docs.recorded import assert_prints_what_is_recorded
from tests.docs.shell import Shell
from tests.packaging.environments import Environment, uv

TUTORIAL = ROOT / "docs/tutorial/README.md"


@contextmanager
def started(environment: Environment, command: str, folder: Path) -> Iterator[str]:
    """Start the app by the tutorial's command, on a free port; return its URL."""
    program, *arguments = command.split()
    with subprocess.Popen(
        [str(environment.folder / "bin" / program), *arguments, "--port", "0"],
        cwd=folder,
        env={},
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stderr
        url = next(
            found[1]
            for line in process.stderr
            if (found := re.search(r"running on (http://[\d.:]+)", line))
        )
        try:
            yield url
        finally:
            process.terminate()
            process.stderr.read()


@pytest.mark.long
def test_the_tutorial_leads_where_it_says(tmp_path: Path) -> None:
    uv("build", "--quiet", "--wheel", "--out-dir", tmp_path / "dist", "--package", "tokenpair")
    (wheel,) = (tmp_path / "dist").glob("*.whl")
    install, start = blocks(TUTORIAL, "sh")
    # With uv in place of pip: it has the packages in its cache.
    assert install.splitlines()[-1] == 'pip install "./tokenpair[server]"'
    environment = Environment.make(tmp_path / ".venv", f"{wheel}[server]")
    (tmp_path / "main.py").write_text("\n".join(blocks(TUTORIAL, "python")))

    with started(environment, start.replace(" --reload", ""), tmp_path) as url:
        assert_prints_what_is_recorded(TUTORIAL, Shell(tmp_path), url)


def test_the_tutorials_app_is_the_readmes() -> None:
    assert blocks(TUTORIAL, "python")[0] in blocks(ROOT / "README.md", "python")
