"""The documentation site: complete, without a broken link or a request to another host."""

import os
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterable, Iterator
from contextlib import suppress
from functools import partial
from html.parser import HTMLParser
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import unquote, urljoin, urlsplit

import pytest
from playwright.sync_api import Request, Response

from tests.bookly.browsing import MILLISECONDS, chromium
from tests.docs.reading import ROOT
from tests.waiting import wait_until

DOCS = ROOT / "docs"
UV = os.environ.get("UV", "uv")
# What `./run docs` needs: neither the library's code nor Bookly's.
SOURCES = (
    *("run", "pyproject.toml", "uv.lock", "zensical.toml", "docs"),
    *("bookly/pyproject.toml", "clients/python/pyproject.toml"),
)


def pages(nav: Iterable[Any]) -> Iterator[str]:
    for each in nav:
        if isinstance(each, str):
            yield each
        else:
            for value in each.values():
                yield from pages([value] if isinstance(value, str) else value)


def test_the_navigation_names_every_page_once() -> None:
    config = tomllib.loads((ROOT / "zensical.toml").read_text())["project"]

    named = sorted(pages(config["nav"]))

    assert named == sorted(str(path.relative_to(DOCS)) for path in DOCS.rglob("*.md"))


class Quiet(SimpleHTTPRequestHandler):
    """Logs neither requests nor browsers that hang up."""

    def handle(self) -> None:
        with suppress(ConnectionError):
            super().handle()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the site by its command, in an environment without the other packages."""
    folder = tmp_path_factory.mktemp("site")
    for name in SOURCES:
        copy = folder / name
        copy.parent.mkdir(parents=True, exist_ok=True)
        source = ROOT / name
        shutil.copytree(source, copy) if source.is_dir() else shutil.copy(source, copy)
    own_uv = f"{Path(UV).parent}:{os.environ['PATH']}"

    done = subprocess.run(
        [sys.executable, folder / "run", "docs"],
        env=os.environ | {"PATH": own_uv},
        capture_output=True,
        text=True,
        check=False,
    )

    said = done.stdout + done.stderr
    assert done.returncode == 0, said
    assert "No issues found" in said
    assert not (folder / ".venv/bin/pytest").exists()
    return folder / "site"


@pytest.fixture(scope="module")
def url(site: Path) -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=site)) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


class Page(HTMLParser):
    """The links and anchors of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.parts: list[str] = []
        self.anchors: set[str] = {""}
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        named = {name: value or "" for name, value in attrs}
        self.anchors |= {named.get("id", ""), named.get("name", "")}
        if "src" in named or (tag == "link" and named.get("rel") != "canonical"):
            self.parts.append(named.get("src") or named.get("href", ""))
        elif "href" in named:
            self.links.append(named["href"])


@pytest.mark.long
def test_every_link_and_part_of_the_site_is_in_it(site: Path) -> None:
    read = {path: Page(path.read_text()) for path in site.rglob("*.html")}

    assert len(read) > len(list(DOCS.rglob("*.md")))
    for path, page in read.items():
        for link in page.links + page.parts:
            here = f"http://site/{path.relative_to(site)}"
            target = urlsplit(urljoin(here, link))
            if target.netloc != "site":
                assert link not in page.parts, f"{path}: {link}"
                continue
            found = site / unquote(target.path).lstrip("/")
            found = found / "index.html" if found.is_dir() else found
            assert found.exists(), f"{path}: {link}"
            if found in read and not target.fragment.startswith("__"):
                assert unquote(target.fragment) in read[found].anchors, f"{path}: {link}"


@pytest.mark.long
def test_the_site_asks_no_other_host_and_its_search_finds_renewal(site: Path, url: str) -> None:
    complaints: list[str] = []

    def check_host(request: Request) -> None:
        if not request.url.startswith((url, "data:", "blob:")):
            complaints.append(f"another host: {request.url}")

    def check_status(response: Response) -> None:
        if response.status >= 400:
            complaints.append(f"{response.status}: {response.url}")

    with chromium() as browser:
        page = browser.new_page()
        page.set_default_timeout(MILLISECONDS)
        page.on("request", check_host)
        page.on("response", check_status)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        for path in sorted(site.rglob("index.html")):
            page.goto(f"{url}{path.parent.relative_to(site)}/")

        page.goto(url)
        field = page.locator("input[role=combobox]")

        def opens() -> bool:
            """Press the key that opens the search: before its script has started, nothing does."""
            page.keyboard.press("/")
            return field.is_visible()

        wait_until(opens)
        field.fill("renewal")
        page.locator("a[role=option][href*='explanation/renewal/?h=renewal']").first.click()
        page.get_by_role("heading", name="Renewal", level=1).wait_for()

    assert not complaints
