"""The command `tokenpair`: keys, users and the database that the settings name; and a client."""

import os
import sys

from tokenpair.cli import command, db, keys, session, users
from tokenpair.errors import AuthError, ConfigurationError

GROUPS = (keys.GROUP, users.GROUP, db.GROUP)
COMMANDS = session.COMMANDS
SUMMARY = """Manage tokenpair's keys, users and database, and log in to a server.

The settings are TOKENPAIR_* in the environment or in .env. login, whoami and logout read none."""


def main() -> None:
    """Run the command. An error is one line on the standard error.

    The status is 1 when the command failed, 2 when the arguments are wrong, 130 after Ctrl-C.
    """
    try:
        status = command.run((*GROUPS, *COMMANDS), SUMMARY, sys.argv[1:])
        sys.stdout.flush()
    except (ConfigurationError, AuthError) as exc:
        print(f"tokenpair: {exc}", file=sys.stderr)
        status = 1
    except BrokenPipeError:
        # The reader is gone, as in `tokenpair users list | head -1`. Python would flush once more
        # at exit and print a traceback.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        status = 1
    except KeyboardInterrupt:
        status = 130
    sys.exit(status)
