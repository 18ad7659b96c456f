import asyncio
import json
import os
import re
import stat
import subprocess
import sys
from datetime import timedelta
from importlib import metadata
from pathlib import Path

import pytest

from tests.cli.running import IN_FRONT, Command, with_auth
from tokenpair import Auth, Settings
from tokenpair.cli import COMMANDS, GROUPS
from tokenpair.core.tokens.material import ALGORITHMS
from tokenpair.errors import ConfigurationError, InvalidCredentials, StaleToken
from tokenpair.testing import PASSWORD

EVERY_COMMAND = [(group.name, each.name) for group in GROUPS for each in group.commands]


@pytest.mark.parametrize(
    "arguments",
    [(), *((each.name,) for each in (*GROUPS, *COMMANDS)), *EVERY_COMMAND],
    ids=lambda arguments: " ".join(arguments) or "tokenpair",
)
@pytest.mark.parametrize("option", ["-h", "--help"])
def test_every_command_explains_itself(
    command: Command, arguments: tuple[str, ...], option: str
) -> None:
    status, out, err = command(*arguments, option)

    assert (status, err) == (0, "")
    assert out.startswith(" ".join(["Usage: tokenpair", *arguments]))


@pytest.mark.parametrize("arguments", [(), ("keys",), ("users",), ("db",)])
def test_without_a_command_there_is_a_list_of_them(
    command: Command, arguments: tuple[str, ...]
) -> None:
    status, out, _ = command(*arguments)

    assert (status, out) == (2, command(*arguments, "--help")[1])


def test_help_lists_each_command_with_its_first_sentence(
    command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")

    _, out, _ = command("users", "--help")

    assert (
        out
        == """\
Usage: tokenpair users COMMAND ...

The accounts.

Options:
  -h, --help    Show this help and exit.

Commands:
  list          List the newest accounts: id, address, roles, and whether
                disabled.
  invite        Invite an address, with the roles of the account to be.
  roles         Replace an account's roles: `tokenpair users roles
                ada@example.com admin`.
  disable       Disable an account and end all its sessions.
  enable        Let a disabled account log in again. Its old sessions stay
                ended.
  password      Replace an account's password and end all its sessions.
  verify        Mark an account's address as verified, as the link in a mail
                does.
  delete        Delete an account with its sessions. Another user may sign up
                with its address.
"""
    )


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("key",), "tokenpair: there is no such command; did you mean keys?"),
        (
            ("x",),
            "tokenpair: there is no such command; choose keys, users, db, login, whoami or logout",
        ),
        (("--verbose", "keys"), "tokenpair: there is no option --verbose"),
        (("keys", "nwe"), "tokenpair keys: there is no such command; did you mean new?"),
        (("keys", "-x"), "tokenpair keys: there is no option -x"),
        (("keys", "new", "secret"), "tokenpair keys new: too many arguments"),
        (("keys", "new", "--key=secret"), "tokenpair keys new: there is no option --key"),
        (("keys", "new", "--fil", "x"), "tokenpair keys new: there is no option --fil"),
        (("keys", "new", "--file"), "tokenpair keys new: argument --file: expected one argument"),
        (("keys", "new", "--file="), "tokenpair keys new: argument --file: is empty; write a path"),
        (
            ("keys", "compromised"),
            "tokenpair keys compromised: the following arguments are required: ID",
        ),
        *[
            (
                ("users", "list", "--limit", number),
                "tokenpair users list: argument --limit: must be a whole number from 1 to 10000",
            )
            for number in ["0", "10001", "-1", "ten", "1.5", "9" * 5000]
        ],
    ],
    ids=lambda value: " ".join(value)[:30] if isinstance(value, tuple) else "",
)
def test_wrong_arguments_are_one_line_that_repeats_no_value(
    command: Command, arguments: tuple[str, ...], complaint: str
) -> None:
    status, out, err = command(*arguments)

    prog = complaint.partition(":")[0]
    assert (status, out, err) == (2, "", f"{complaint}; see {prog} --help\n")


def test_a_reader_that_closes_the_pipe_early_causes_no_traceback() -> None:
    with_auth("ada@example.com", "bob@example.com")
    reading, writing = os.pipe()
    os.close(reading)

    done = subprocess.run(
        [sys.executable, "-c", "from tokenpair.cli import GROUPS, main; main()", "users", "list"],
        stdout=writing,
        stderr=subprocess.PIPE,
        check=False,
    )
    os.close(writing)

    assert (done.returncode, done.stderr) == (1, b"")


def test_version_shows_the_version(command: Command) -> None:
    assert command("--version") == (0, f"{metadata.version('tokenpair')}\n", "")


def listed(command: Command) -> list[tuple[str, str]]:
    """Return the rows of `keys list`: algorithm and state, newest first."""
    _, out, _ = command("keys", "list")
    return [(line.split()[1], line.split()[2]) for line in out.splitlines()]


def kid_of(command: Command, state: str) -> str:
    _, out, _ = command("keys", "list")
    return next(line.split()[0] for line in out.splitlines() if f" {state} " in line)


def test_the_first_new_key_signs_and_the_next_is_published(command: Command) -> None:
    command("keys", "new")

    status, out, _ = command("keys", "new", "--algorithm", "Ed25519")

    assert status == 0
    assert listed(command) == [("Ed25519", "published"), ("ES256", "signing")]
    assert kid_of(command, "published") == out.split()[0]


def test_rotation_step_by_step(command: Command) -> None:
    command("keys", "new")
    command("keys", "new", "--algorithm", "Ed25519")

    status, out, err = command("keys", "rotate")
    assert (status, out) == (1, "")
    assert "verifiers may not know the new key yet" in err
    assert "add --early if no other service verifies your tokens" in err

    assert command("keys", "rotate", "--early")[0] == 0
    assert listed(command) == [("Ed25519", "signing"), ("ES256", "published")]

    assert command("keys", "retire")[0] == 0
    assert listed(command) == [("Ed25519", "signing"), ("ES256", "published")]

    age_keys(minutes=12)
    command("keys", "retire")
    assert listed(command) == [("Ed25519", "signing"), ("ES256", "renewal-only")]

    age_keys(days=8)
    command("keys", "retire")
    assert listed(command) == [("Ed25519", "signing")]


def age_keys(**span: float) -> None:
    """Make the keys older by this time."""
    path = Path("data/keys.json")
    jwks = json.loads(path.read_text())
    for key in jwks["keys"]:
        key["since"] -= int(timedelta(**span).total_seconds())
    path.write_text(json.dumps(jwks))


def test_a_compromised_key_is_replaced_at_once(command: Command) -> None:
    command("keys", "new")

    status, _, _ = command("keys", "compromised", kid_of(command, "signing"))

    assert status == 0
    assert listed(command) == [("ES256", "signing"), ("ES256", "renewal-only")]


@pytest.mark.parametrize("arguments", [("rotate",), ("retire",), ("compromised", "x")])
def test_without_keys_there_is_nothing_to_change(
    command: Command, arguments: tuple[str, ...]
) -> None:
    status, out, err = command("keys", *arguments)

    assert (status, out) == (1, "")
    assert (
        err == "tokenpair: there is no key file data/keys.json; make one with tokenpair keys new\n"
    )
    assert not Path("data/keys.json").exists()


def test_no_key_command_shows_a_secret(command: Command) -> None:
    commands = [("new",), ("new",), ("rotate", "--early"), ("retire",), ("list",)]

    told = [command("keys", *each) for each in commands]

    secrets = [key["d"] for key in json.loads(Path("data/keys.json").read_text())["keys"]]
    assert len(secrets) == 2
    assert not any(secret in out + err for secret in secrets for _, out, err in told)


def test_listing_keys_shows_no_secret(command: Command) -> None:
    command("keys", "new")
    secret = json.loads(Path("data/keys.json").read_text())["keys"][0]["d"]

    _, out, err = command("keys", "list")

    assert secret not in out + err


def test_listing_keys_makes_no_key_file(command: Command, folder: Path) -> None:
    status, _, err = command("keys", "list")

    assert status == 1
    assert err.splitlines() == [
        "tokenpair: the key file data/keys.json cannot be read: No such file or directory"
    ]
    assert list(folder.iterdir()) == []


def test_a_key_file_is_its_owners_alone(command: Command) -> None:
    command("keys", "new", "--file", "elsewhere/keys.json")

    assert stat.S_IMODE(Path("elsewhere/keys.json").stat().st_mode) == 0o600


def test_an_unknown_algorithm_is_one_line(command: Command) -> None:
    status, out, err = command("keys", "new", "--algorithm", "HS384")

    assert (status, out) == (1, "")
    assert err == f"tokenpair: the algorithm must be one of {', '.join(ALGORITHMS)}\n"


def test_upgrading_twice_is_fine(command: Command, folder: Path) -> None:
    assert command("db", "upgrade")[0] == 0
    upgraded = f"The tables of sqlite:///{folder}/data/tokenpair.db are up to date.\n"
    assert command("db", "upgrade")[:2] == (0, upgraded)


def test_only_a_command_lowers_the_longest_access_lifetime(
    command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    command("db", "upgrade")
    before = command("db", "access-lifetime")
    monkeypatch.setenv("TOKENPAIR_ACCESS_SECONDS", "3600")
    with_auth()
    monkeypatch.setenv("TOKENPAIR_ACCESS_SECONDS", "60")
    with_auth("ada@example.com")
    command("users", "disable", "ada@example.com")
    raised = command("db", "access-lifetime")

    lowered = command("db", "access-lifetime", "600")

    assert before == (0, "no worker has started yet\n", "")
    assert raised == (0, "3600 seconds\n", "")
    assert lowered == (0, "600 seconds\n", "")
    assert command("db", "access-lifetime")[1] == "600 seconds\n"


@pytest.mark.parametrize("seconds", ["0", "-5", "1e3", "ten", "9999999999"])
def test_a_lifetime_that_no_token_has_is_refused(command: Command, seconds: str) -> None:
    command("db", "upgrade")

    status, out, err = command("db", "access-lifetime", seconds)

    assert (status, out) == (2, "")
    assert len(err.splitlines()) == 1


def test_the_database_is_its_owners_alone(command: Command) -> None:
    command("db", "upgrade")

    assert stat.S_IMODE(Path("data/tokenpair.db").stat().st_mode) == 0o600


def test_roles_make_the_access_tokens_before_stale(command: Command) -> None:
    async def log_in() -> str:
        async with Auth.from_settings() as auth:
            return (await auth.log_in(email="ada@example.com", password=PASSWORD)).access_token

    async def verify(token: str) -> None:
        async with Auth.from_settings() as auth:
            await auth.verify_access(token)

    with_auth("ada@example.com")
    token = asyncio.run(log_in())

    status, out, _ = command("users", "roles", "ada@example.com", "admin", "editor")

    assert status == 0
    assert out.split()[1:] == ["ada@example.com", "admin,editor"]
    with pytest.raises(StaleToken):
        asyncio.run(verify(token))


def test_a_disabled_account_cannot_log_in_until_it_is_enabled(command: Command) -> None:
    async def log_in() -> None:
        async with Auth.from_settings() as auth:
            await auth.log_in(email="ada@example.com", password=PASSWORD)

    with_auth("ada@example.com")

    status, out, _ = command("users", "disable", "ada@example.com")

    assert (status, out.split()[-1]) == (0, "disabled")
    with pytest.raises(InvalidCredentials):
        asyncio.run(log_in())
    command("users", "enable", "ADA@example.com")
    asyncio.run(log_in())


@pytest.mark.parametrize(
    "role", ["", "x" * 65, "ro le", "r\N{LATIN SMALL LETTER O WITH DIAERESIS}le"]
)
def test_a_role_that_no_token_could_carry_is_refused(command: Command, role: str) -> None:
    with_auth("ada@example.com")

    status, _, err = command("users", "roles", "ada@example.com", role)

    assert status == 1
    assert err == (
        "tokenpair: roles: must be up to 32 names of letters, digits and _ . : -, without spaces\n"
    )


@pytest.mark.parametrize(
    "arguments", [("list",), ("roles", "ada@example.com", "admin"), ("disable", "ada@example.com")]
)
def test_users_are_looked_for_where_the_app_runs_and_nothing_is_made(
    command: Command, folder: Path, arguments: tuple[str, ...]
) -> None:
    status, out, err = command("users", *arguments)

    assert (status, out) == (1, "")
    assert err.startswith(f"tokenpair: there is no database {folder}/data/tokenpair.db: ")
    assert list(folder.iterdir()) == []


def test_commands_about_users_need_no_keys_and_make_none(command: Command, folder: Path) -> None:
    with_auth("ada@example.com")
    (folder / "data/keys.json").unlink()

    statuses = [
        command("users", *arguments)[0]
        for arguments in (
            ("list",),
            ("roles", "ada@example.com", "admin"),
            ("disable", "ada@example.com"),
            ("enable", "ada@example.com"),
        )
    ]

    assert statuses == [0, 0, 0, 0]
    assert not (folder / "data/keys.json").exists()


def test_users_are_listed_newest_first(command: Command) -> None:
    with_auth("ada@example.com", "bob@example.com", "cyd@example.com")

    _, out, _ = command("users", "list", "--limit", "2")

    assert [line.split()[1] for line in out.splitlines()] == ["cyd@example.com", "bob@example.com"]


@pytest.mark.parametrize(
    ("address", "complaint"),
    [
        (
            "nobody@example.com",
            "sqlite:///{folder}/data/tokenpair.db has no account with the address "
            "nobody@example.com",
        ),
        ("Ada <ada@example.com>", "email: is not a valid e-mail address"),
    ],
    ids=["unknown", "malformed"],
)
def test_an_account_that_is_not_there_is_one_line(
    command: Command, folder: Path, address: str, complaint: str
) -> None:
    with_auth("ada@example.com")

    status, out, err = command("users", "disable", address)

    assert (status, out, err) == (1, "", f"tokenpair: {complaint.format(folder=folder)}\n")


def test_an_unreachable_database_is_one_line_without_its_password(
    command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOKENPAIR_DATABASE_URL", "postgresql://ada:hunter2@127.0.0.1:1/books")

    status, out, err = command("db", "upgrade")

    assert (status, out) == (1, "")
    assert len(err.splitlines()) == 1
    assert "127.0.0.1" in err
    assert "does not answer" in err
    assert "hunter2" not in err


def test_a_folder_that_cannot_be_made_is_one_line(
    command: Command, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "file").write_text("")
    monkeypatch.setenv("TOKENPAIR_DATA_DIR", "file/below")

    status, _, err = command("db", "upgrade")

    assert status == 1
    assert err == (
        "tokenpair: TOKENPAIR_DATA_DIR: the folder file/below cannot be written: Not a directory\n"
    )


def test_keys_from_the_environment_are_never_overwritten(
    command: Command, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    command("keys", "new", "--file", "keys.json")
    monkeypatch.setenv("TOKENPAIR_KEYS", (folder / "keys.json").read_text())

    status, _, err = command("keys", "new")

    assert status == 1
    assert err == "tokenpair: TOKENPAIR_KEYS holds the keys: name the file to write with --file\n"


def test_settings_are_read_from_the_dotenv_file(command: Command, folder: Path) -> None:
    (folder / ".env").write_text("TOKENPAIR_DATA_DIR=elsewhere\n")

    command("db", "upgrade")

    assert (folder / "elsewhere/tokenpair.db").exists()
    assert Settings.read().data_dir == Path("elsewhere")


# Which database.


OF_THE_DATABASE = [
    ("db", "upgrade"),
    ("db", "access-lifetime"),
    ("users", "list"),
    ("users", "roles", "ada@example.com", "admin"),
    ("users", "disable", "ada@example.com"),
    ("users", "enable", "ada@example.com"),
    ("users", "password", "ada@example.com"),
    ("users", "verify", "ada@example.com"),
    ("users", "delete", "ada@example.com", "--yes"),
]


@pytest.mark.usefixtures("production")
@pytest.mark.parametrize("arguments", OF_THE_DATABASE, ids=" ".join)
def test_in_production_no_command_makes_a_database_that_was_not_named(
    command: Command, folder: Path, arguments: tuple[str, ...]
) -> None:
    status, out, err = command(*arguments)

    assert (status, out) == (1, "")
    assert err.startswith("tokenpair: TOKENPAIR_DATABASE_URL is not set")
    assert f"{folder}/data/tokenpair.db" in err
    assert [each.name for each in folder.iterdir()] == ["keys.json"]


@pytest.mark.usefixtures("production")
@pytest.mark.parametrize("arguments", OF_THE_DATABASE[1:], ids=" ".join)
def test_a_database_that_is_not_there_is_named_and_not_made(
    command: Command, folder: Path, arguments: tuple[str, ...]
) -> None:
    status, out, err = command(*arguments, "--database-url", "sqlite:///books.db")

    assert (status, out) == (1, "")
    assert err == (
        f"tokenpair: the database sqlite:///{folder}/books.db does not exist; "
        "run: tokenpair db upgrade\n"
    )
    assert [each.name for each in folder.iterdir()] == ["keys.json"]


@pytest.mark.usefixtures("production")
def test_a_named_database_is_made_and_migrated_and_used(command: Command, folder: Path) -> None:
    url = f"sqlite:///{folder}/books.db"

    upgraded = command("db", "upgrade", "--database-url", " sqlite:///books.db ")
    listed = command("users", "list", "--database-url", url)

    assert upgraded == (0, f"The tables of {url} are up to date.\n", "")
    assert listed == (0, "", "")


@pytest.mark.usefixtures("production")
def test_an_app_in_production_names_the_database_and_makes_no_file(folder: Path) -> None:
    auth = Auth.from_settings(Settings.read(database_url="sqlite:///books.db", mail=False))

    with pytest.raises(ConfigurationError) as caught:
        asyncio.run(auth.open())
    asyncio.run(auth.close())

    assert str(caught.value) == (
        f"the database sqlite:///{folder}/books.db does not exist; run: tokenpair db upgrade"
    )
    assert not (folder / "books.db").exists()


def test_the_name_of_a_database_has_no_password(command: Command, postgres_url: str) -> None:
    url = postgres_url.replace("postgres@", "postgres:hunter2@")
    with_option = f"{url}{'&' if '?' in url else '?'}application_name=x"

    status, out, err = command("db", "upgrade", "--database-url", with_option)

    assert (status, err) == (0, "")
    assert re.fullmatch(r"The tables of postgresql://\S+ are up to date\.\n", out)
    assert "hunter2" not in out
    assert "application_name" not in out


def test_an_empty_database_url_is_an_error_of_usage(command: Command) -> None:
    status, _, err = command("db", "upgrade", "--database-url", "")

    assert status == 2
    assert "is empty; write a URL" in err


INTERRUPTED = """
import signal, sys
from tokenpair.__main__ import main

class CtrlC:
    def find_spec(self, name, *_):
        if name == "sqlalchemy":
            signal.raise_signal(signal.SIGINT)

sys.meta_path.insert(0, CtrlC())
sys.argv = ["tokenpair", "--version"]
main()
"""


def test_ctrl_c_before_the_command_has_begun_leaves_no_traceback() -> None:
    done = subprocess.run(
        [sys.executable, "-c", IN_FRONT + INTERRUPTED], capture_output=True, text=True, check=False
    )

    assert (done.returncode, done.stdout, done.stderr) == (130, "", "")


def test_ctrl_c_is_ignored_where_the_caller_ignores_it() -> None:
    """A shell does so for a program in the background of a script."""
    ignoring = ["sh", "-c", 'trap "" INT; exec "$@"', "sh", sys.executable, "-c", INTERRUPTED]
    done = subprocess.run(ignoring, capture_output=True, text=True, check=False)

    assert (done.returncode, done.stdout.strip(), done.stderr) == (
        0,
        metadata.version("tokenpair"),
        "",
    )
