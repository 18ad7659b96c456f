"""Many clients at once that lose answers. Each answer that must not happen is counted as wrong."""

import asyncio
import random
from collections import Counter, deque
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from uuid import UUID, uuid4

from tests.faults.people import Session, renew, until_refused
from tests.faults.serving import ISSUER, Bookly
from tests.faults.talk import AUTH, Answer, Line, Lost
from tests.storages import PATIENT
from tests.waiting import eventually, limit
from tokenpair import Auth, User
from tokenpair.key_file import read_keyring
from tokenpair.passwords import Argon2Passwords
from tokenpair.stores.sql import SqlStorage
from tokenpair.testing import CHEAP, a_user, login_as

# The rows rotate every four seconds; no request here takes as long.
SHORT_WINDOWS = {
    "TOKENPAIR_REPEAT_WINDOW_SECONDS": "2",
    "TOKENPAIR_SUPERSEDED_WINDOW_SECONDS": "4",
}
# Fewer than the sessions that a user may have.
SESSIONS_OF_A_USER = 20


class Door:
    """Opens sessions directly in the storage: over HTTP, a thousand would take a minute."""

    def __init__(self, auth: Auth) -> None:
        self.auth = auth
        self.users: list[User] = []
        self._opened = 0

    @classmethod
    @asynccontextmanager
    async def to(cls, folder: Path, url: str) -> AsyncIterator["Door"]:
        """Open the database of the Booklys in a folder."""
        auth = Auth(
            storage=SqlStorage.from_url(url, timeouts=PATIENT),
            keyring=read_keyring(folder / "keys.json"),
            issuer=ISSUER,
            passwords=Argon2Passwords(CHEAP),
            migrate=False,
        )
        async with auth:
            yield cls(auth)

    async def open_session(self) -> Session:
        """Log a user in."""
        if self._opened % SESSIONS_OF_A_USER == 0:
            self.users.append(await self._new_user())
        self._opened += 1
        return await self._log_in(self.users[-1])

    async def open_account(self, number: int) -> "Account":
        """Sign up a user with a number of sessions, which will all end from outside."""
        user = await self._new_user()
        return Account(
            user_id=user.id,
            email=user.email.typed,
            access=(await self._log_in(user)).access,
            sessions=[await self._log_in(user) for _ in range(number)],
        )

    async def _new_user(self) -> User:
        return await a_user(self.auth, f"user-{random.randbytes(6).hex()}@example.com")

    async def _log_in(self, user: User) -> Session:
        pair = await login_as(self.auth, user)
        return Session(access=pair.access_token, refresh=pair.refresh_token)


@dataclass(eq=False)
class Account:
    """A user, the sessions of some clients, and an access token of one more session.

    `ending` names the request that ends all the sessions, once it is sent. `is_over` tells that
    its answer has arrived: from then on no session may be renewed.
    """

    user_id: UUID = field(default_factory=uuid4)
    email: str = ""
    access: str = ""
    sessions: list[Session] = field(default_factory=list)
    ending: str = ""
    is_over: bool = False


class Crowd:
    """Clients of one server, each with a session. `wrong` must stay empty."""

    def __init__(
        self,
        bookly: Bookly,
        *,
        pause: float = 0.05,
        come_back: Callable[[], Awaitable[Session]] | None = None,
        refusals: int = 1,
    ) -> None:
        """`pause` is the longest pause of a client between two requests, in seconds.

        `come_back` opens a new session for a client whose session has ended, after `refusals` of
        the old one on average; without it, the client stays away.
        """
        self.port = bookly.port
        self.pause = pause
        self.counts: Counter[str] = Counter()
        self.wrong: list[str] = []
        self.ended: deque[Session] = deque(maxlen=50)
        self.come_back = come_back
        self.refusals = refusals
        self.is_over = False
        self.clients: list[Client] = []

    @asynccontextmanager
    async def busy(
        self, sessions: list[Session], accounts: Sequence[Account] = ()
    ) -> AsyncIterator[None]:
        """Let all clients send requests during the block, also those of the accounts."""
        self.clients = [Client(self, session) for session in sessions]
        self.clients += [
            Client(self, session, account) for account in accounts for session in account.sessions
        ]
        async with asyncio.TaskGroup() as tasks:
            for client in self.clients:
                tasks.create_task(client.live())
            try:
                yield
            finally:
                self.is_over = True

    async def until_counted(self, number: int, name: str) -> None:
        """Wait until `name` has been counted `number` times more."""
        goal = self.counts[name] + number
        await self._until(lambda: self.counts[name] >= goal)

    async def until_seen(self, *names: str) -> None:
        """Wait until each of these has been counted at all."""
        await self._until(lambda: all(self.counts[name] for name in names))

    async def _until(self, condition: Callable[[], bool]) -> None:
        try:
            # Not after many wrong answers: then no client may be left that can do it.
            await eventually(lambda: condition() or len(self.wrong) > 100)
        except TimeoutError as exc:
            raise AssertionError(f"{self.counts}, {self.wrong[:5]}") from exc

    async def require_right_sessions(self, bookly: Bookly) -> None:
        """Require, after the load, that each client is logged in and each ended session refused."""
        async with bookly.lines() as lines:
            for number, client in enumerate(self.clients):
                line = lines[number % len(lines)]
                answer = await renew_when_ready(line, client.session.refresh)
                is_over = client.has_left or client.account.is_over
                is_over = is_over or (client.is_leaving and answer.status == 401)
                expected = (401, "session_ended") if is_over else (200, "")
                if (answer.status, answer.code) != expected:
                    self.wrong.append(f"in the end: {answer}")
            for session in self.ended:
                await until_refused(lines, session.access, "session_ended")


async def renew_when_ready(line: Line, token: str) -> Answer:
    """Present a refresh token, again where the server is too busy to tell."""
    async with limit():
        while (answer := await renew(line, token)).status == 503:
            await asyncio.sleep(0.1)
    return answer


class Client:
    """Renews, asks, repeats requests without an answer, and logs out at some time.

    All sessions of its account may end from outside, at any moment.
    """

    def __init__(self, crowd: Crowd, session: Session, account: Account | None = None) -> None:
        self.session = session
        self.account = account or Account()
        self.has_left = False
        # The log-out may have happened though its answer was lost, so the client repeats it.
        self.is_leaving = False
        self._crowd = crowd
        self._line: Line | None = None

    async def live(self) -> None:
        """Send requests until the session has ended."""
        while not self._crowd.is_over:
            await asyncio.sleep(random.uniform(0, self._crowd.pause))
            try:
                await self._do_something()
            except Lost:
                self._line = None
                self._crowd.counts["lost"] += 1
        if self._line:
            self._line.hang_up()

    async def _do_something(self) -> None:
        if self._line is None:
            self._line = await Line.open(self._crowd.port)
        dice = random.random()
        if self.has_left:
            await self._try_what_has_ended(self._line)
        elif self.is_leaving:
            await self._log_out(self._line)
        elif dice < 0.05:
            # The request is sent, also if its answer is lost.
            self._line.send("POST", f"{AUTH}/refresh_token", self.session.refresh)
            self._line.hang_up()
            raise Lost
        elif dice < 0.3:
            await self._ask(self._line)
        elif dice < 0.305:
            await self._log_out(self._line)
        else:
            await self._renew(self._line)

    async def _renew(self, line: Line) -> None:
        is_over = self.account.is_over
        answer = await renew(line, self.session.refresh)
        if not self._is_answer(answer, 200):
            return
        if is_over:
            self._crowd.wrong.append(f"renewed after the {self.account.ending}")
        if random.random() < 0.2:
            self._crowd.counts["dropped"] += 1  # So that the token is presented once more.
            return
        self.session = Session.of(answer)
        self._crowd.counts["renewed"] += 1

    async def _ask(self, line: Line) -> None:
        answer = await line.ask("GET", f"{AUTH}/me", self.session.access)
        if answer.code == "token_stale":
            self._crowd.counts["stale"] += 1
            await self._renew(line)
        elif self._is_answer(answer, 200):
            self._crowd.counts["asked"] += 1

    async def _log_out(self, line: Line) -> None:
        self.is_leaving = True
        answer = await line.ask("POST", f"{AUTH}/logout", self.session.refresh)
        if not self._is_answer(answer, 204):
            return
        self.is_leaving = False
        self._crowd.counts["logged out"] += 1
        self._crowd.ended.append(self.session)
        self.has_left = True

    async def _try_what_has_ended(self, line: Line) -> None:
        answer = await renew(line, self.session.refresh)
        if answer.code != "session_ended" and self._is_answer(answer, 401):
            self._crowd.wrong.append(f"{answer}")
        if answer.code == "session_ended":
            self._crowd.counts["refused"] += 1
            await self._perhaps_come_back()

    async def _perhaps_come_back(self) -> None:
        if self._crowd.come_back and random.random() < 1 / self._crowd.refusals:
            self.session = await self._crowd.come_back()
            self.account = Account()
            self.has_left = False

    def _leave(self) -> None:
        if not self.has_left:
            self._crowd.counts[f"ended by a {self.account.ending}"] += 1
            self._crowd.ended.append(self.session)
        self.has_left = True

    def _is_answer(self, answer: Answer, status: int) -> bool:
        """Return whether it was answered; a server that is not ready must send Retry-After."""
        if answer.status == 503 and answer.code and "retry-after" in answer.headers:
            self._crowd.counts["unavailable"] += 1
            return False
        if answer.code == "session_ended" and self.account.ending:
            self._leave()
            return False
        if answer.status != status:
            self._crowd.wrong.append(f"{answer}")
        return answer.status == status
