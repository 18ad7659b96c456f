"""A shell for the documents' commands, with stand-ins for programs that may be missing."""

import os
import stat
import subprocess
import sys
from pathlib import Path

from tests.waiting import LIMIT_SECONDS

# Replaces curl where it is missing: only the options that the documents use.
CURL = """#!{python}
import sys, httpx2
arguments, headers, options = iter(sys.argv[1:]), {{}}, {{}}
for argument in arguments:
    if argument == "-s":
        continue
    elif argument in ("-X", "-o", "--json"):
        options[argument] = next(arguments)
    elif argument == "-H":
        name, _, value = next(arguments).partition(": ")
        headers[name] = value
    else:
        url = argument
body = options.get("--json")
if body:
    headers["Content-Type"] = "application/json"
method = options.get("-X", "POST" if body else "GET")
answer = httpx2.request(method, url, headers=headers, content=body, timeout=120)
print(answer.text, end="", file=open(options["-o"], "w") if "-o" in options else sys.stdout)
"""


# Runs uvicorn, and stops it when the app has started.
UVICORN = """#!{python}
import sys, uvicorn
async def be_up(server):
    print("The app is up.")
uvicorn.Server.main_loop = be_up
sys.exit(uvicorn.main([*sys.argv[1:], "--port", "0"]))
"""


class Shell:
    """Runs commands in order, as a reader types them, in a folder of its own."""

    def __init__(self, folder: Path, **variables: str) -> None:
        tools = folder / ".tools"
        tools.mkdir()
        for name, script in {"curl": CURL, "uvicorn": UVICORN}.items():
            tool = tools / name
            tool.write_text(script.format(python=sys.executable))
            tool.chmod(tool.stat().st_mode | stat.S_IXUSR)
        self.folder = folder
        self.variables = variables
        self.path = f"{tools}:{Path(sys.executable).parent}:{os.environ['PATH']}"

    def run(self, script: str) -> str:
        """Run some lines and return their output. Fails when they fail."""
        done = subprocess.run(
            ["sh", "-e"],
            input=script,
            capture_output=True,
            text=True,
            cwd=self.folder,
            env={"PATH": self.path, **self.variables},
            check=False,
            timeout=LIMIT_SECONDS,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout
