"""Saved results of a run: the tables, the machine, and failures."""

import json
import os
import platform
import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any, Self

from bench.figures import BenchError, Table
from bench.load import GENERATOR

FOLDER = Path(__file__).parent / "results"
PACKAGES = ("fastapi", "starlette", "uvicorn", "uvloop", "asyncpg", "cryptography", "tokenpair")


@dataclass(frozen=True, slots=True, kw_only=True)
class Results:
    """One run. `failed` has the reason for each group that could not be measured."""

    machine: dict[str, Any]
    options: dict[str, Any]
    tables: list[Table]
    failed: dict[str, str] = field(default_factory=dict)

    @property
    def problems(self) -> list[str]:
        """Return why this run is not a valid result; empty if it is one."""
        errors = [f"{each.title}: {each.errors} errors" for each in self.tables if each.errors]
        return [*errors, *(f"{name}: {reason}" for name, reason in self.failed.items())]

    def require_result(self) -> None:
        """Raise `BenchError` if anything failed."""
        if self.problems:
            raise BenchError(f"a run with errors is not a result: {'; '.join(self.problems)}")

    def save(self, folder: Path = FOLDER) -> Path:
        """Save the run as JSON, even with failures, because it shows what went wrong."""
        folder.mkdir(exist_ok=True)
        path = folder / f"{time.strftime('%Y-%m-%d-%H%M%S')}.json"
        content = {
            "machine": self.machine,
            "options": self.options,
            "failed": self.failed,
            "tables": [each.to_json() for each in self.tables],
        }
        text = json.dumps(content, indent=1, ensure_ascii=False)
        # Each list of figures gets one line, because people read this file, too.
        path.write_text(re.sub(r"(?<=[\[\d,])\n +(?=[-\d\]])", " ", text) + "\n")
        return path

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read what `save` has written. Raises `BenchError`."""
        try:
            content = json.loads(path.read_text())
            tables = [Table.from_json(each) for each in content.pop("tables")]
            return cls(tables=tables, **content)
        except (OSError, ValueError, TypeError, KeyError) as exc:
            raise BenchError(f"{path} has no results: {exc}") from exc


def machine() -> dict[str, Any]:
    """Describe the machine and the date."""
    cpu = Path("/proc/cpuinfo").read_text().partition("model name")[2].partition("\n")[0]
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return {
        "date": time.strftime("%Y-%m-%d"),
        "cpu": cpu.strip("\t: ") or platform.machine(),
        "cores": os.cpu_count(),
        "memory_gib": round(memory),
        "system": f"{platform.system()} {platform.release().partition('-')[0]}",
        "python": platform.python_version(),
        "load": GENERATOR,
        "packages": {name: version(name) for name in PACKAGES},
    }


def described(machine: Mapping[str, Any], options: Mapping[str, Any]) -> Sequence[str]:
    """Return the description in sentences."""
    packages = ", ".join(f"{name} {number}" for name, number in machine["packages"].items())
    return [
        f"Measured on {machine['date']}: {machine['cores']} cores of {machine['cpu']}, "
        f"{machine['memory_gib']} GiB, {machine['system']}, Python {machine['python']}.",
        f"{options['rounds']} rounds of {options['seconds']:g} s; the load came from "
        f"{machine['load']}; {options['sessions']:,} sessions in the large databases.",
        f"With {packages}.",
    ]
