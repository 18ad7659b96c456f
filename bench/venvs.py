"""Virtual environments of the peers, with exactly the versions in their lists."""

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

from bench.figures import BenchError
from bench.processes import ROOT

REQUIREMENTS = Path(__file__).parent / "peers/requirements"
FOLDER = Path(__file__).parent / ".venvs"


def python_of(peer: str) -> Path:
    """Return the Python of a peer's environment. Create the environment if the list is new.

    Raises `BenchError`.
    """
    requirements = REQUIREMENTS / f"{peer}.txt"
    marked = f"{sys.version_info[:2]}{requirements.read_text()}".encode()
    home = FOLDER / f"{peer}-{hashlib.sha256(marked).hexdigest()[:12]}"
    python = home / "bin/python"
    if not python.exists():
        print(f"Installing {peer} ...", file=sys.stderr, flush=True)
        FOLDER.mkdir(exist_ok=True)
        # Create it elsewhere first, so that an incomplete environment is never used. Its scripts
        # name the old path, so run modules with its interpreter instead.
        unfinished = home.with_suffix(".unfinished")
        _uv("venv", "--quiet", "--clear", "--python", sys.executable, str(unfinished))
        _uv("pip", "install", "-q", "--python", str(unfinished), "-r", str(requirements))
        unfinished.rename(home)
    return python


def _uv(*arguments: str) -> None:
    done = subprocess.run([_path_of_uv(), *arguments], capture_output=True, text=True, check=False)
    if done.returncode:
        raise BenchError(f"uv could not install it:\n{done.stderr.strip()}")


def _path_of_uv() -> str:
    """Find the uv that runs this process, or another one."""
    ours = sorted((ROOT / ".tools").glob("uv-*/uv"))
    found = os.environ.get("UV") or shutil.which("uv") or (str(ours[-1]) if ours else None)
    if found is None:
        raise BenchError("uv is missing: start the benchmark with ./run bench")
    return found
