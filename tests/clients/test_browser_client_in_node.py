"""The browser client in Node, in bearer mode, with a real server."""

import json
import os
import subprocess
from pathlib import Path

import pytest

from tests.bookly.running import running_bookly
from tests.tools import BROWSER_FOLDER, program
from tests.waiting import LIMIT_SECONDS
from tokenpair.fastapi.browser import SCRIPT
from tokenpair.testing import PASSWORD

APP = Path(__file__).with_name("node_app.mjs")


@pytest.mark.long
def test_it_renews_there_like_in_a_browser(tmp_path: Path) -> None:
    with running_bookly(tmp_path) as bookly:
        for client in (SCRIPT, BROWSER_FOLDER / "tokenpair.js"):
            done = subprocess.run(
                [program("node"), APP, client, f"{bookly.url}/api/v1/auth", bookly.url],
                env={"PASSWORD": PASSWORD, "PATH": os.environ["PATH"]},
                capture_output=True,
                check=False,
                text=True,
                timeout=LIMIT_SECONDS,
            )

            assert (done.returncode, done.stderr) == (0, "")
            seen = json.loads(done.stdout)
            assert 600 - LIMIT_SECONDS < seen.pop("seconds") <= 600
            assert seen == {
                "before": ["out", 401],
                "refused": ["invalid_credentials", 401],
                "user": "ada@example.com",
                "added": 201,
                "renewed": [True, "renewing", "lost", "renewed"],
                "restarted": "ada@example.com",
                "after": ["out", None, False, "out"],
            }
