"""A program with a session, and a store of its own."""

from typing import assert_type

import httpx2

from tokenpair.client import (
    ClientError,
    Clock,
    FileStore,
    KeyringStore,
    LogInRefused,
    MemoryStore,
    NoAnswer,
    Pair,
    PairAuth,
    SessionOver,
    Store,
    StoreError,
)


class OwnStore:
    pair: Pair | None = None

    def read(self) -> Pair | None:
        return self.pair

    def write(self, pair: Pair) -> None:
        self.pair = pair

    def clear(self) -> None:
        self.pair = None

    def try_lock(self) -> bool:
        return True

    def unlock(self) -> None: ...


def any_store(name: str) -> Store:
    stores: dict[str, Store] = {
        "own": OwnStore(),
        "file": FileStore("session.json"),
        "keyring": KeyringStore("ada@example.com"),
        "memory": MemoryStore(),
    }
    return stores[name]


def talk(store: Store) -> httpx2.Response | None:
    auth = PairAuth(
        "https://example.com/auth",
        store=store,
        origins=["https://api.example.com"],
        client=lambda: httpx2.Client(timeout=5),
        async_client=lambda: httpx2.AsyncClient(timeout=5),
        clock=Clock(),
    )
    try:
        if not assert_type(auth.is_logged_in, bool):
            auth.log_in("ada@example.com", "secret")
        return httpx2.get("https://api.example.com", auth=auth)
    except LogInRefused as exc:
        assert_type(exc.retry_after, float | None)
    except NoAnswer as exc:
        assert_type((exc.status, exc.code), tuple[int | None, str | None])
    except (SessionOver, StoreError) as exc:
        raise as_client_error(exc) from exc
    return None


def as_client_error(exc: ClientError) -> ClientError:
    return exc


async def talk_async(auth: PairAuth) -> httpx2.Response:
    await auth.async_log_in("ada@example.com", "secret")
    async with httpx2.AsyncClient(auth=auth) as client:
        answer = await client.get("https://api.example.com")
    await auth.async_log_out(everywhere=True)
    return answer
