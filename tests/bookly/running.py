"""A real Bookly in a process of its own, for tests over the network."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.waiting import LIMIT_SECONDS
from tokenpair.core.tokens.codec import Codec
from tokenpair.key_file import read_keyring

BOOKLY = (sys.executable, "-m", "bookly", "serve")


@dataclass(frozen=True)
class Running:
    """A server that answers, and the folder of its data."""

    url: str
    data_dir: Path
    pid: int

    def codec(self) -> Codec:
        """Return the server's codec, to make tokens that otherwise only time could make."""
        return Codec(read_keyring(self.data_dir / "keys.json"), issuer=self.url, audience=self.url)


@contextmanager
def running_bookly(data_dir: Path, *options: str, **variables: str) -> Iterator[Running]:
    """Start `bookly serve` on a free port, with some variables; stop it at the end."""
    log = data_dir / "log.txt"
    # Not a pipe: it is never read, and a full one would stop the server.
    with log.open("w") as errors:
        process = subprocess.Popen(
            [*BOOKLY, "--port", "0", "--data-dir", data_dir, *options],
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            cwd=data_dir,
            # All tests come from one address.
            env={name: value for name, value in os.environ.items() if not _is_setting(name)}
            | {"TOKENPAIR_LIMITS": "off", "BOOKLY_SAMPLES": "off"}
            | variables,
        )
    try:
        yield Running(url=_read_url(process, log), data_dir=data_dir, pid=process.pid)
    finally:
        process.terminate()
        process.communicate(timeout=LIMIT_SECONDS)


def tokenpair(*command: str, data_dir: Path) -> None:
    """Run the library's command line on the server's database."""
    subprocess.run(
        [sys.executable, "-m", "tokenpair", *command],
        env={"TOKENPAIR_DATA_DIR": str(data_dir)},
        check=True,
    )


def _is_setting(name: str) -> bool:
    return name.startswith(("TOKENPAIR_", "BOOKLY_"))


def _read_url(process: "subprocess.Popen[str]", log: Path) -> str:
    """Wait for the line with its URL; its port is open from then on."""
    assert process.stdout
    for line in process.stdout:
        if found := re.search(r"Bookly is at (\S+)", line):
            return found[1]
    raise AssertionError(f"Bookly did not start:\n{log.read_text()}")
