"""The lowest versions that the package requires have no known vulnerability."""

import re

import pytest

from tests.packaging.environments import floors

# Package, first version without the fault, advisory. What we do not use ourselves is here, too:
# it comes with ours.
ADVISORIES = [
    ("aiosmtplib", "5.1.1", "CVE-2026-53533"),
    ("aiosmtplib", "5.1.2", "GHSA-vxj7-4xrp-5vr4"),
    ("click", "8.3.3", "CVE-2026-7246"),
    ("cryptography", "46.0.5", "CVE-2026-26007"),
    ("cryptography", "46.0.7", "CVE-2026-39892"),
    ("cryptography", "48.0.1", "GHSA-537c-gmf6-5ccf"),
    ("cryptography", "50.0.0", "CVE-2026-69247"),
    ("dnspython", "2.6.1", "CVE-2023-29483"),
    ("h11", "0.16.0", "CVE-2025-43859"),
    ("idna", "3.7", "CVE-2024-3651"),
    ("idna", "3.15", "CVE-2026-45409"),
    ("jinja2", "3.1.4", "CVE-2024-34064"),
    ("jinja2", "3.1.5", "CVE-2024-56201"),
    ("jinja2", "3.1.6", "CVE-2025-27516"),
    ("mako", "1.3.11", "CVE-2026-41205"),
    ("mako", "1.3.12", "CVE-2026-44307"),
    ("pydantic-settings", "2.14.2", "GHSA-4xgf-cpjx-pc3j"),
    ("python-dotenv", "1.2.2", "CVE-2026-28684"),
    ("starlette", "1.0.1", "CVE-2026-48710"),
    ("starlette", "1.3.1", "CVE-2026-54283"),
]


def number(version: str) -> list[int]:
    parts = [int(part) for part in version.split(".")]
    return parts + [0] * (4 - len(parts))


@pytest.mark.parametrize(("name", "fixed", "advisory"), ADVISORIES, ids=str)
def test_no_floor_has_a_known_vulnerability(name: str, fixed: str, advisory: str) -> None:
    lowest = dict(re.split(r"(?:\[.*\])?==", floor) for floor in floors())

    assert number(lowest[name]) >= number(fixed), advisory
