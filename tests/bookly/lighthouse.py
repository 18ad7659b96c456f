"""The command `./run lighthouse`: measure the shelf of a user who is logged in.

It fails if a category has less than 95 points. Performance is measured as on a phone with a slow
network, which Lighthouse computes from the work of this machine; so run it on a quiet one.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from playwright.sync_api import sync_playwright

from tests.bookly.browsing import MILLISECONDS, Visitor
from tests.bookly.running import Running, running_bookly
from tests.tools import LIGHTHOUSE_FOLDER, node_program, program

LEAST = 95
"""The least points of each category."""
LIMIT_SECONDS = 240
"""Longest run of Lighthouse, in seconds."""
BOOKS = "/api/v1/books?"

Report = dict[str, Any]


def main(arguments: list[str]) -> int:
    """Measure the shelf, print the points, and return the exit code."""
    parser = argparse.ArgumentParser(prog="./run lighthouse", description=__doc__)
    parser.add_argument("--out", type=Path, help="folder to keep the reports in, as HTML and JSON")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        out = options.out or Path(folder)
        out.mkdir(parents=True, exist_ok=True)
        return judge(measure(out.absolute()))


def judge(report: Report) -> int:
    """Print the points of each category, and what cost some. Return 1 if they are not enough."""
    if not shows_the_shelf(report):
        print("Lighthouse did not see the shelf. Keep its report with --out, and look at it.")
        return 1
    found = points(report)
    for name, number in found.items():
        print(f"{number:>3}  {name}")
        for line in losses(report, name):
            print(f"     - {line}")
    return 0 if found and min(found.values()) >= LEAST else 1


def shows_the_shelf(report: Report) -> bool:
    """Return whether the page loaded books: a visitor without a log-in sees another view."""
    requests = report["audits"]["network-requests"].get("details", {}).get("items", [])
    return any(BOOKS in each["url"] and each["statusCode"] == 200 for each in requests)


def points(report: Report) -> dict[str, int]:
    """Return the points of each category, by its title. One that could not be measured has 0."""
    categories = report["categories"].values()
    return {each["title"]: round((each["score"] or 0) * 100) for each in categories}


def losses(report: Report, title: str) -> list[str]:
    """Return the audits that cost points in a category, or that have failed."""
    category = next(each for each in report["categories"].values() if each["title"] == title)
    audits = [report["audits"][each["id"]] for each in category["auditRefs"] if each["weight"]]
    skipped = {"notApplicable", "manual", "informative"}
    counted = [each for each in audits if each["scoreDisplayMode"] not in skipped]
    return [
        f"{each['title']} {each.get('displayValue', '')}".strip()
        for each in counted
        if (each["score"] or 0) < 1
    ]


def measure(out: Path) -> Report:
    """Run Lighthouse on the shelf of a new Bookly with the samples. Raises if it fails."""
    output = ["--quiet", "--output=json", "--output=html", f"--output-path={out / 'shelf'}"]
    command = [*node_program("lighthouse", LIGHTHOUSE_FOLDER), *output]
    with (
        tempfile.TemporaryDirectory() as folder,
        running_bookly(Path(folder), BOOKLY_SAMPLES="on") as bookly,
        logged_in_browser(bookly, Path(folder) / "profile") as port,
    ):
        target = [f"{bookly.url}/", f"--port={port}"]
        subprocess.run([*command, *target], check=True, timeout=LIMIT_SECONDS)
    report: Report = json.loads((out / "shelf.report.json").read_text())
    return report


@contextmanager
def logged_in_browser(bookly: Running, profile: Path) -> Iterator[int]:
    """Start a Chromium in which a user is logged in; return its port for remote control."""
    with sync_playwright() as browsers:
        # Lighthouse opens its tab in the profile of the browser, which `new_context` does not use.
        context = browsers.chromium.launch_persistent_context(
            profile,
            executable_path=program("chromium"),
            args=["--no-sandbox", "--remote-debugging-port=0"],
            base_url=bookly.url,
            timeout=MILLISECONDS,
        )
        context.set_default_timeout(MILLISECONDS)
        page = context.pages[0]
        Visitor(page, bookly).sign_up("ada@example.com", "Ada")
        # The session lives in a cookie. Lighthouse measures best while no other tab has it.
        page.goto("about:blank")
        yield int((profile / "DevToolsActivePort").read_text().split()[0])
        context.close()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
