"""An app's own code runs within the transaction of an event, or after its commit."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa
from fastapi import FastAPI
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from tests.http.conftest import talking_to, told
from tests.storages import open_storage
from tests.waiting import eventually, limit
from tokenpair import Auth, EmailAddress, MailPurpose, User
from tokenpair.core.events import Notify
from tokenpair.errors import (
    AuthError,
    ConfigurationError,
    EmailTaken,
    FieldError,
    InsufficientRole,
    InvalidCredentials,
    InvalidInput,
    Unavailable,
)
from tokenpair.events import (
    Event,
    HookedEvent,
    LogInFailed,
    MailSent,
    ProfileChanged,
    RenewalAttempted,
    RolesChanged,
    SessionEnded,
    SessionOpened,
    SignedUp,
    UserCreated,
    UserDeleted,
)
from tokenpair.fastapi import install
from tokenpair.flows.accounts.sign_up import SignUp
from tokenpair.hooks import AfterHooks, HookFailed, WithinHooks
from tokenpair.lifecycle import Lifecycle, OpenStorage
from tokenpair.listeners import Listeners
from tokenpair.ports import Storage, UnitOfWork
from tokenpair.stores.sql import SqlStorage
from tokenpair.testing import PASSWORD, a_user, login_as, make_auth, read_mail_token

# A hook that awaits a task of the app's that was cancelled raises the second one.
BUGS = pytest.mark.parametrize(
    "bug",
    [LookupError("a bug"), asyncio.CancelledError("a bug")],
    ids=lambda error: type(error).__name__,
)


class Base(DeclarativeBase):
    pass


class Reader(Base):
    """A table of the app, in the library's database."""

    __tablename__ = "reader"

    user_id: Mapped[UUID] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(unique=True)


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.long)])
async def database(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[SqlStorage]:
    sqlite = f"sqlite:///{tmp_path}/test.db"
    url = sqlite if request.param == "sqlite" else request.getfixturevalue("postgres_url")
    storage = SqlStorage.from_url(url)
    await storage.open(migrate=True)
    async with storage.begin() as tx:
        await tx.connection.run_sync(Base.metadata.create_all)
    yield storage
    await storage.close()


@pytest.fixture(params=["memory", "sqlite", pytest.param("postgres", marks=pytest.mark.long)])
async def storage(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Storage]:
    async with open_storage(request, tmp_path) as storage:
        yield storage


@pytest.fixture
async def auth(storage: Storage) -> AsyncIterator[Auth]:
    async with make_auth(storage=storage) as auth, limit():
        yield auth


@pytest.fixture
async def sql_auth(database: SqlStorage) -> AsyncIterator[Auth]:
    async with make_auth(storage=database) as auth, limit():
        yield auth


def connection_of(tx: UnitOfWork) -> AsyncConnection:
    assert tx.connection
    return tx.connection


async def readers(database: SqlStorage) -> list[str]:
    async with database.reading() as look:
        return list(await look.connection.scalars(sa.select(Reader.name)))


async def addresses(storage: Storage) -> list[str]:
    async with storage.reading() as look:
        return [each.email.typed for each in await look.users.list(limit=10)]


async def test_a_hook_gets_the_account_that_is_made(auth: Auth) -> None:
    found: list[tuple[User, User | None]] = []

    @auth.within(SignedUp)
    async def look(event: SignedUp, tx: UnitOfWork) -> None:
        found.append((event.user, await tx.users.get(event.user.id)))

    user = await auth.sign_up(email="ada@example.com", password=PASSWORD, profile={"name": "Ada"})

    assert found == [(user, user)]
    assert user.profile == {"name": "Ada"}


async def test_hooks_run_in_the_order_of_registration_for_their_own_event(auth: Auth) -> None:
    ran: list[str] = []

    async def note(text: str) -> None:
        ran.append(text)

    auth.within(SignedUp)(Noting(note, "first"))
    auth.within(ProfileChanged)(Noting(note, "other"))
    auth.within(SignedUp)(Noting(note, "second"))
    auth.within(HookedEvent)(Noting(note, "any"))

    await a_user(auth)

    assert ran == ["first", "second", "any"]


@dataclass(frozen=True)
class Noting:
    """A hook that is an object."""

    note: Callable[[str], Awaitable[None]]
    text: str

    async def __call__(self, _: HookedEvent, __: UnitOfWork) -> None:
        await self.note(self.text)


async def test_a_hook_finds_the_account_that_is_being_deleted(auth: Auth) -> None:
    found: list[User | None] = []

    @auth.within(UserDeleted)
    async def look(event: UserDeleted, tx: UnitOfWork) -> None:
        found.append(await tx.users.get(event.user_id))

    user = await a_user(auth)
    await auth.delete(user.id)

    assert found == [user]


async def test_the_deletion_of_an_account_can_be_refused(auth: Auth) -> None:
    @auth.within(UserDeleted)
    async def refuse(_: UserDeleted, __: UnitOfWork) -> None:
        raise InvalidInput(FieldError("account", "has open invoices"))

    user = await a_user(auth)
    pair = await login_as(auth, user)

    with pytest.raises(InvalidInput):
        await auth.delete(user.id)

    assert await auth.get_user(user.id) == user
    assert await auth.verify_access(pair.access_token, check_session=True)


@pytest.mark.parametrize("is_refused", [False, True], ids=["stored", "refused"])
async def test_so_can_a_change_of_the_profile(auth: Auth, is_refused: bool) -> None:
    seen: list[dict[str, Any]] = []

    @auth.within(ProfileChanged)
    async def look(event: ProfileChanged, tx: UnitOfWork) -> None:
        user = await tx.users.get(event.user_id)
        seen.append(user.profile if user else {})
        if is_refused:
            raise EmailTaken

    user = await a_user(auth)
    with pytest.raises(EmailTaken) if is_refused else nullcontext():
        await auth.update_profile(user.id, {"name": "Ada"})

    assert seen == [{"name": "Ada"}]
    assert (await auth.get_user(user.id)).profile == ({} if is_refused else {"name": "Ada"})


async def test_a_hooks_row_and_the_account_are_there_together(
    sql_auth: Auth, database: SqlStorage
) -> None:
    seen: list[list[str]] = []

    @sql_auth.within(SignedUp)
    async def add_reader(event: SignedUp, tx: UnitOfWork) -> None:
        row = {"user_id": event.user.id, "name": "Ada"}
        await connection_of(tx).execute(sa.insert(Reader).values(row))
        seen.append(await readers(database))

    await a_user(sql_auth)

    assert seen == [[]]
    assert await readers(database) == ["Ada"]


@pytest.mark.parametrize(
    "error",
    [LookupError("a bug"), InvalidInput(FieldError("email", "is refused")), OSError("no network")],
    ids=lambda error: type(error).__name__,
)
async def test_or_not_at_all(sql_auth: Auth, database: SqlStorage, error: Exception) -> None:
    @sql_auth.within(SignedUp)
    async def add_reader(event: SignedUp, tx: UnitOfWork) -> None:
        row = {"user_id": event.user.id, "name": "Ada"}
        await connection_of(tx).execute(sa.insert(Reader).values(row))
        raise error

    with pytest.raises((HookFailed, InvalidInput)):
        await a_user(sql_auth)

    assert await readers(database) == []
    assert await addresses(database) == []


async def test_a_hook_uses_an_orm_session(sql_auth: Auth, database: SqlStorage) -> None:
    @sql_auth.within(SignedUp)
    async def add_reader(event: SignedUp, tx: UnitOfWork) -> None:
        async with session_in(tx) as session:
            session.add(Reader(user_id=event.user.id, name="Ada"))
            await session.commit()
        if event.user.email.typed.startswith("eve"):
            raise InvalidInput(FieldError("email", "is refused"))

    await a_user(sql_auth, "ada@example.com")
    with pytest.raises(HookFailed):  # The name is taken.
        await a_user(sql_auth, "bob@example.com")

    assert await readers(database) == ["Ada"]
    assert await addresses(database) == ["ada@example.com"]


async def test_a_commit_in_a_session_waits_for_that_of_the_account(
    sql_auth: Auth, database: SqlStorage
) -> None:
    @sql_auth.within(SignedUp)
    async def add_reader(event: SignedUp, tx: UnitOfWork) -> None:
        async with session_in(tx) as session:
            session.add(Reader(user_id=event.user.id, name="Ada"))
            await session.commit()
        raise EmailTaken

    with pytest.raises(EmailTaken):
        await a_user(sql_auth)

    assert await readers(database) == []


async def test_a_rollback_in_a_session_undoes_only_the_sessions_work(
    sql_auth: Auth, database: SqlStorage
) -> None:
    @sql_auth.within(SignedUp)
    async def add_reader(event: SignedUp, tx: UnitOfWork) -> None:
        async with session_in(tx) as session:
            session.add(Reader(user_id=event.user.id, name="Ada"))
            try:
                await session.commit()
            except sa.exc.IntegrityError:
                await session.rollback()

    await a_user(sql_auth, "ada@example.com")
    await a_user(sql_auth, "bob@example.com")

    assert await readers(database) == ["Ada"]
    assert await addresses(database) == ["bob@example.com", "ada@example.com"]


def session_in(tx: UnitOfWork) -> AsyncSession:
    return AsyncSession(bind=connection_of(tx), join_transaction_mode="create_savepoint")


async def test_a_caught_error_of_the_database_never_loses_the_account_in_silence(
    sql_auth: Auth, database: SqlStorage
) -> None:
    """PostgreSQL answers the commit of such a transaction with a rollback, and no error."""

    @sql_auth.within(SignedUp)
    async def add_reader(_: SignedUp, tx: UnitOfWork) -> None:
        with pytest.raises(sa.exc.IntegrityError):
            await connection_of(tx).execute(
                sa.insert(Reader).values([{"user_id": UUID(int=n), "name": "Ada"} for n in (1, 2)])
            )

    is_made = True
    try:
        await a_user(sql_auth)
    except HookFailed:
        is_made = False

    assert await addresses(database) == (["ada@example.com"] if is_made else [])


async def test_a_hook_changes_the_account_with_the_unit_of_work(auth: Auth) -> None:
    @auth.within(SignedUp)
    async def first_is_admin(event: SignedUp, tx: UnitOfWork) -> None:
        if len(await tx.users.list(limit=2)) == 1:
            await tx.users.set_roles(event.user.id, frozenset({"admin"}))

    ada = await auth.sign_up(email="ada@example.com", password=PASSWORD)
    bob = await auth.sign_up(email="bob@example.com", password=PASSWORD)

    assert (sorted(ada.roles), sorted(bob.roles)) == (["admin"], [])
    assert (await auth.get_user(ada.id)) == ada


@pytest.mark.parametrize("way", ["sign-up", "invitation"])
async def test_a_hook_that_deletes_the_new_account_makes_none(
    auth: Auth, storage: Storage, way: str
) -> None:
    @auth.within(UserCreated)
    async def delete(event: UserCreated, tx: UnitOfWork) -> None:
        await tx.users.delete(event.user.id)

    await auth.invite(email="ada@example.com")
    token = await read_mail_token(auth, MailPurpose.INVITATION)

    making = (
        auth.sign_up(email="ada@example.com", password=PASSWORD)
        if way == "sign-up"
        else auth.accept_invitation(token=token, password=PASSWORD)
    )

    with pytest.raises(HookFailed, match="deleted the account that was being made"):
        await making

    assert await addresses(storage) == []


async def test_a_refusal_keeps_its_own_error(auth: Auth, storage: Storage) -> None:
    refusal = InvalidInput(FieldError("email", "must end with @example.com"))

    @auth.within(SignedUp)
    async def refuse(_: SignedUp, __: UnitOfWork) -> None:
        raise refusal

    with pytest.raises(InvalidInput) as raised:
        await a_user(auth)

    assert raised.value is refusal
    assert await addresses(storage) == []


@BUGS
async def test_a_bug_in_a_hook_is_unavailable_and_logged_with_its_name(
    auth: Auth, storage: Storage, caplog: pytest.LogCaptureFixture, bug: BaseException
) -> None:
    @auth.within(SignedUp)
    async def fail(_: SignedUp, __: UnitOfWork) -> None:
        raise bug

    with pytest.raises(Unavailable) as raised:
        await a_user(auth)

    assert raised.value.code == "unavailable"
    assert "the hook fail of SignedUp failed" in caplog.text
    assert f"{type(bug).__name__}: a bug" in caplog.text
    assert await addresses(storage) == []


async def test_a_client_gets_a_503_for_a_bug_and_the_apps_answer_for_a_refusal(
    auth: Auth,
) -> None:
    class NotInvited(InsufficientRole):
        code = "not_invited"
        detail = "Ask a friend."

    @auth.within(SignedUp)
    async def look(event: SignedUp, _: UnitOfWork) -> None:
        if event.user.email.typed == "eve@example.com":
            raise NotInvited
        if event.user.email.typed == "bob@example.com":
            raise AuthError("has no code")
        raise LookupError("a bug")

    app = FastAPI()
    install(app, auth)
    async with talking_to(app) as client:
        names = ("ada", "bob", "eve")
        bodies = [{"email": f"{each}@example.com", "password": PASSWORD} for each in names]
        bug, no_code, refusal = [await client.post("/auth/signup", json=each) for each in bodies]

    assert told(bug) == told(no_code) == (503, "unavailable")
    assert bug.headers["retry-after"] == "1"
    assert "LookupError" not in bug.text
    assert told(refusal) == (403, "not_invited")


async def test_the_storage_can_be_used_after_a_hook_failed(auth: Auth, storage: Storage) -> None:
    @auth.within(SignedUp)
    async def fail(event: SignedUp, __: UnitOfWork) -> None:
        if event.user.email.typed == "eve@example.com":
            raise LookupError("a bug")

    for _ in range(12):  # More often than there are connections.
        with pytest.raises(HookFailed):
            await a_user(auth, "eve@example.com")
    await a_user(auth)

    assert await addresses(storage) == ["ada@example.com"]


def ignore(_: Event) -> None:
    pass


def sign_up_with(auth: Auth, within: WithinHooks, notify: Notify = ignore) -> SignUp:
    """Return a sign-up with other limits than those of an `Auth`."""
    lifecycle = Lifecycle(development=True)
    lifecycle.open()
    return replace(auth.sign_up, storage=OpenStorage(auth.storage, lifecycle, notify, within))


async def test_a_hook_that_hangs_is_ended_and_nothing_is_stored(
    auth: Auth, storage: Storage, caplog: pytest.LogCaptureFixture
) -> None:
    within = WithinHooks(seconds=0.05)

    async def hang(_: SignedUp, __: UnitOfWork) -> None:
        await asyncio.Event().wait()

    within.add(SignedUp, hang)

    with pytest.raises(HookFailed):
        await sign_up_with(auth, within)(email="ada@example.com", password=PASSWORD)
    await a_user(auth, "bob@example.com")

    assert "the hook hang of SignedUp failed or took longer than 0.05 s" in caplog.text
    assert await addresses(storage) == ["bob@example.com"]


async def test_so_is_one_whose_statement_hangs(postgres_url: str) -> None:
    storage = SqlStorage.from_url(postgres_url)
    within = WithinHooks(seconds=0.05)

    async def hang(_: SignedUp, tx: UnitOfWork) -> None:
        await connection_of(tx).exec_driver_sql("SELECT pg_sleep(60)")

    within.add(SignedUp, hang)

    async with make_auth(storage=storage) as auth, limit():
        for _ in range(12):  # More often than there are connections.
            with pytest.raises(HookFailed):
                await sign_up_with(auth, within)(email="ada@example.com", password=PASSWORD)
        await a_user(auth, "bob@example.com")
        assert await addresses(storage) == ["bob@example.com"]


VERBS: dict[str, Callable[[Auth, User], Awaitable[object]]] = {
    "sign_up": lambda auth, _: auth.sign_up(email="bob@example.com", password=PASSWORD),
    "get_user": lambda auth, user: auth.get_user(user.id),
    "set_roles": lambda auth, user: auth.set_roles(user.id, frozenset({"admin"})),
    "log_in": lambda auth, _: auth.log_in(email="eve@example.com", password=PASSWORD),
    "log_out_everywhere": lambda auth, user: auth.log_out_everywhere(user.id),
    "log_out_elsewhere": lambda auth, user: auth.log_out_elsewhere(user.id, keep=uuid4()),
    "prune": lambda auth, _: auth.prune(),
}


@pytest.mark.parametrize("verb", VERBS)
async def test_a_verb_inside_a_unit_of_work_is_refused_at_once(
    auth: Auth, storage: Storage, verb: str
) -> None:
    raised: list[BaseException] = []

    @auth.within(SignedUp)
    async def call(event: SignedUp, __: UnitOfWork) -> None:
        try:
            await VERBS[verb](auth, event.user)
        except RuntimeError as exc:
            raised.append(exc)
            raise

    with pytest.raises(HookFailed):
        await a_user(auth)

    assert [type(each) for each in raised] == [RuntimeError]
    assert "use the hook's tx" in str(raised[0])
    assert await addresses(storage) == []


async def test_so_is_a_renewal(auth: Auth) -> None:
    pair = await login_as(auth, await a_user(auth))
    raised: list[str] = []

    @auth.within(SignedUp)
    async def call(_: SignedUp, __: UnitOfWork) -> None:
        with pytest.raises(RuntimeError) as refused:
            await auth.renew(pair.refresh_token)
        raised.append(str(refused.value))

    await a_user(auth, "bob@example.com")

    assert len(raised) == 1
    assert await auth.renew(pair.refresh_token)


async def test_a_task_that_a_hook_starts_may_call_verbs_after_the_commit(auth: Auth) -> None:
    tasks: list[asyncio.Task[User]] = []
    is_over = asyncio.Event()

    async def read(user_id: UUID) -> User:
        await is_over.wait()
        return await auth.get_user(user_id)

    @auth.within(SignedUp)
    async def start(event: SignedUp, __: UnitOfWork) -> None:
        tasks.append(asyncio.create_task(read(event.user.id)))

    user = await a_user(auth)
    is_over.set()

    assert await tasks[0] == user


async def test_the_hooks_of_an_event_that_a_store_records_run_before_the_commit(
    storage: Storage,
) -> None:
    """A flow cannot forget them."""
    ran: list[Event] = []
    within = WithinHooks()

    async def note(event: HookedEvent, __: UnitOfWork) -> None:
        ran.append(event)
        raise EmailTaken

    within.add(HookedEvent, note)
    lifecycle = Lifecycle(development=True)
    lifecycle.open()
    heard: list[Event] = []
    user = User(
        id=UUID(int=1), email=EmailAddress.parse("a@example.com"), created_at=make_auth().clock()
    )
    inner: Any = storage

    async def work() -> None:
        async with OpenStorage(inner, lifecycle, heard.append, within).begin() as tx:
            await getattr(tx, "_tx").record(SignedUp(user=user))  # noqa: B009  As a store does.

    with pytest.raises(EmailTaken):
        await work()

    assert ran == [SignedUp(user=user)]
    assert heard == []


@pytest.mark.parametrize("kind", [SessionEnded, RolesChanged, LogInFailed, Event])
def test_within_takes_no_event_that_ends_or_restricts(kind: Any) -> None:
    async def hook(event: Any, tx: UnitOfWork) -> None: ...

    with pytest.raises(ConfigurationError) as raised:
        make_auth().within(kind)(hook)

    assert "ProfileChanged, SignedUp, UserCreated, UserDeleted" in str(raised.value)
    assert "use after(" in str(raised.value)


@pytest.mark.parametrize("decorate", ["within", "after"])
def test_a_hook_must_be_a_coroutine_function(decorate: str) -> None:
    def hook(*_: object) -> None: ...

    with pytest.raises(ConfigurationError, match="the hook hook must be a coroutine function"):
        getattr(make_auth(), decorate)(SignedUp)(hook)


def test_a_decorator_returns_the_hook() -> None:
    async def within(event: SignedUp, tx: UnitOfWork) -> None: ...
    async def after(event: SignedUp) -> None: ...

    auth = make_auth()

    assert auth.within(SignedUp)(within) is within
    assert auth.after(SignedUp)(after) is after


@pytest.mark.parametrize("decorate", ["within", "after"])
@pytest.mark.parametrize("kind", [ValueError, "SignedUp"], ids=["class", "text"])
def test_a_hook_is_for_an_event(decorate: str, kind: object) -> None:
    async def hook(*_: object) -> None: ...

    with pytest.raises(ConfigurationError, match="is not an event"):
        getattr(make_auth(), decorate)(kind)(hook)


async def test_a_hook_after_an_event_sees_it_committed(auth: Auth) -> None:
    found: list[User] = []

    @auth.after(SignedUp)
    async def look(event: SignedUp) -> None:
        found.append(await auth.get_user(event.user.id))

    user = await a_user(auth)
    await eventually(lambda: bool(found))

    assert found == [user]


async def test_hooks_after_an_event_run_for_every_kind(auth: Auth) -> None:
    heard: list[str] = []

    @auth.after(Event)
    async def note(event: Event) -> None:
        if not isinstance(event, MailSent):  # It comes at any time.
            heard.append(type(event).__name__)

    pair = await login_as(auth, await a_user(auth, roles="admin"))
    await auth.renew(pair.refresh_token)
    with pytest.raises(InvalidCredentials):
        await auth.log_in(email="ada@example.com", password="wrong")
    await auth.log_out(pair.access_token)
    await eventually(lambda: len(heard) == 6)

    assert heard == [
        *("SignedUp", "RolesChanged", "SessionOpened"),
        *("RenewalAttempted", "LogInFailed", "SessionEnded"),
    ]


async def test_no_hook_runs_after_a_rollback(auth: Auth) -> None:
    heard: list[Event] = []

    @auth.within(SignedUp)
    async def refuse(_: SignedUp, __: UnitOfWork) -> None:
        raise EmailTaken

    @auth.after(Event)
    async def note(event: Event) -> None:
        heard.append(event)

    with pytest.raises(EmailTaken):
        await a_user(auth)
    await auth.close()

    assert heard == []


@BUGS
async def test_an_error_after_the_commit_is_logged_and_changes_nothing(
    auth: Auth, storage: Storage, caplog: pytest.LogCaptureFixture, bug: BaseException
) -> None:
    @auth.after(SignedUp)
    async def fail(_: SignedUp) -> None:
        raise bug

    await a_user(auth)
    await eventually(lambda: f"{type(bug).__name__}: a bug" in caplog.text)

    assert "the hook fail of SignedUp failed; what has happened stays" in caplog.text
    assert await addresses(storage) == ["ada@example.com"]


async def test_a_slow_hook_holds_no_caller_and_ends_before_the_auth_is_closed(auth: Auth) -> None:
    may_end, found = asyncio.Event(), list[User]()

    @auth.after(SignedUp)
    async def look(event: SignedUp) -> None:
        await may_end.wait()
        found.append(await auth.get_user(event.user.id))

    user = await a_user(auth)
    closing = asyncio.create_task(auth.close())
    asyncio.get_running_loop().call_soon(may_end.set)
    await closing

    assert found == [user]


async def test_closing_waits_for_hooks_that_other_hooks_cause(auth: Auth) -> None:
    heard: list[str] = []

    @auth.after(SignedUp)
    async def promote(event: SignedUp) -> None:
        await auth.set_roles(event.user.id, frozenset({"admin"}))

    @auth.after(RolesChanged)
    async def note(_: RolesChanged) -> None:
        heard.append("changed")

    await auth.sign_up(email="ada@example.com", password=PASSWORD)
    await auth.close()

    assert heard == ["changed"]


def hanging(*, seconds: float = 30, close_seconds: float = 10) -> tuple[AfterHooks, asyncio.Event]:
    """Start a hook that never ends, and return its cancellation, too."""
    listeners = Listeners[Event]()
    after = AfterHooks(listeners.add, seconds=seconds, close_seconds=close_seconds)
    cancelled = asyncio.Event()

    async def hang(_: Event) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.set()

    after.add(SessionOpened, hang)
    listeners.tell(SessionOpened(user_id=UUID(int=1), session_id=UUID(int=2)))
    return after, cancelled


async def test_closing_does_not_wait_forever(caplog: pytest.LogCaptureFixture) -> None:
    after, cancelled = hanging(close_seconds=0.05)

    async with limit():
        await after.finish()

    assert cancelled.is_set()
    assert "1 hooks have not ended within 0.05 s" in caplog.text


async def test_a_hook_that_never_ends_is_cancelled_and_logged(
    caplog: pytest.LogCaptureFixture,
) -> None:
    after, cancelled = hanging(seconds=0.05)

    async with limit():
        await cancelled.wait()
        await after.finish()

    assert "the hook hang of SessionOpened took longer than 0.05 s" in caplog.text
    assert "have not ended" not in caplog.text


async def test_the_number_of_running_hooks_has_a_limit(caplog: pytest.LogCaptureFixture) -> None:
    listeners = Listeners[Event]()
    after, go_on, started = AfterHooks(listeners.add, at_once=3), asyncio.Event(), list[Event]()

    async def wait(event: Event) -> None:
        started.append(event)
        await go_on.wait()

    after.add(SessionOpened, wait)
    event = SessionOpened(user_id=UUID(int=1), session_id=UUID(int=2))
    for _ in range(5):
        listeners.tell(event)
    go_on.set()
    async with limit():
        await after.finish()
    listeners.tell(event)
    await after.finish()

    assert started == [event] * 4
    assert caplog.text.count("was not started, because 3 hooks are running") == 1


async def test_without_hooks_no_task_is_started_for_a_renewal() -> None:
    auth = make_auth()
    heard: list[Event] = []

    @auth.after(RenewalAttempted)
    async def note(event: RenewalAttempted) -> None:
        heard.append(event)

    other = make_auth()
    pair = await login_as(other, await a_user(other))
    before = asyncio.all_tasks()
    await other.renew(pair.refresh_token)

    assert asyncio.all_tasks() == before
    assert heard == []
