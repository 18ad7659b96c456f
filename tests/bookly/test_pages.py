"""The pages' shell and files: what a browser gets before any script runs."""

import gzip
import re
from pathlib import Path

import httpx2
import pytest

from bookly.web import pages

SCRIPT_BUDGET, STYLE_BUDGET = 40_000, 25_000
"""The most bytes of all scripts and of all styles of a page, compressed."""
HTML = pages.FOLDER / "templates" / "shell.html"
STATIC = pages.FOLDER / "static"


@pytest.mark.parametrize("path", pages.PAGES)
async def test_each_path_is_a_page_whose_files_exist_and_need_no_other_host(
    client: httpx2.AsyncClient, path: str
) -> None:
    page = await client.get(path)
    spelled_otherwise = await client.get(f"{path.rstrip('/')}/")
    named = re.findall(r'(?:href|src|data-client)="([^"#]*)"', page.text)
    answers = [(await client.get(url)).status_code for url in named]

    assert (page.status_code, page.headers["cache-control"]) == (200, "no-cache")
    assert spelled_otherwise.text == page.text
    assert page.headers["content-security-policy"] == pages.POLICY
    assert "unsafe" not in pages.POLICY
    assert all(url.startswith("/") and not url.startswith("//") for url in named)
    assert set(answers) == {200}
    assert f"/views/{pages.PAGES[path][1]}.js" in page.text


def test_the_scripts_route_the_paths_that_the_server_has() -> None:
    routes = (STATIC / "routes.js").read_text(encoding="utf-8")
    found = re.findall(r'^  "(/[^"]*)": \{ title: "([^"]*)", view: "([^"]*)"', routes, re.MULTILINE)

    assert {path: (title, view) for path, title, view in found} == pages.PAGES
    assert all((STATIC / "views" / f"{view}.js").exists() for _, view in pages.PAGES.values())


def test_the_shell_has_no_script_or_style_of_its_own() -> None:
    shell = HTML.read_text(encoding="utf-8")

    assert not re.search(r"<style|\bstyle=|\bon[a-z]+=|<script(?![^>]*\bsrc=)", shell)


@pytest.mark.parametrize("path", pages.PAGES)
async def test_a_page_with_its_panel_fits_the_budgets(
    client: httpx2.AsyncClient, path: str
) -> None:
    shell = (await client.get(path)).text
    client_url = re.findall(r'data-client="([^"]*)"', shell)[0]
    named = {STATIC / name for name in re.findall(r'"/assets/\w+/([^"]*\.js)"', shell)}
    scripts = [each.read_bytes() for each in with_imports(named | {STATIC / "panel" / "panel.js"})]
    scripts.append((await client.get(client_url)).content)
    styles = [*STATIC.rglob("*.css"), *(pages.FOLDER / "vendor" / "pico").glob("*.css")]

    assert sum(len(gzip.compress(each)) for each in scripts) < SCRIPT_BUDGET
    assert sum(len(gzip.compress(each.read_bytes())) for each in styles) < STYLE_BUDGET


def with_imports(modules: set[Path]) -> set[Path]:
    """Return the modules and those that they import."""
    found: set[Path] = set()
    left = set(modules)
    while left:
        found.add(module := left.pop())
        names = re.findall(r'from "(\.[^"]*)"', module.read_text(encoding="utf-8"))
        left |= {(module.parent / name).resolve() for name in names} - found
    return found
