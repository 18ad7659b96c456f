"""Group `codec`: microseconds in one process, without HTTP (targets 2 and 5)."""

import gc
import random
import time
import tracemalloc
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import cycle
from uuid import uuid4

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256

from bench.figures import MICROSECONDS, VALUE, Row, Table, ratios
from bench.groups import parts
from bench.groups.parts import ISSUER
from bench.run import Run
from tokenpair import Auth, Key, Keyring
from tokenpair.core.sessions.mint import TokenPair
from tokenpair.core.sessions.revocation import Revocation, Revocations
from tokenpair.core.tokens.codec import Codec
from tokenpair.core.tokens.signature import Es256
from tokenpair.fastapi.transport.header import access_claims, remembered_claims
from tokenpair.passwords import Argon2Passwords
from tokenpair.stores.memory import MemoryStorage
from tokenpair.testing import CHEAP, a_user, login_as

TITLE = "codec"
RAW_VERIFY = "ES256 verify, cryptography alone"
RAW_SIGN = "ES256 sign, cryptography alone"
VERIFY = "ES256 verify, a signature as JWS has it"
DECODE_ACCESS = "verify and read an access token"
ENCODE_ACCESS = "write and sign an access token"
DECODE_REFRESH = "verify and read a refresh token"
ENCODE_REFRESH = "write and sign a refresh token"
KNOWN = "check a known access token, nothing revoked"
KNOWN_AMONG = "check a known access token, 100,000 revocations"
REVOCATIONS = "look into 100,000 revocations"
RAW_PART = "OpenSSL's part of it"

COPY = "a revocation in a worker's copy of 100,000"
COPY_BYTES = "bytes of memory"
COPY_TIME = "µs to take it in"

REVOKED = 100_000
OPERATIONS = 200
"""Number of calls in a row. All operations take their turns in random order, so that other load on
the machine affects all of them.
"""
TURNS = 20

Operation = Callable[[], object]


async def run(options: Run) -> list[Table]:
    """Measure the operations, the copy of the revocations, and the parts of a renewal."""
    operations = await make_operations()
    seen: dict[str, list[float]] = {name: [] for name in operations}
    for _ in range(options.rounds):
        for name, value in measure_round(operations).items():
            seen[name].append(value)
    return [
        Table(title=TITLE, rows=rows(seen)),
        measure_copy(options.rounds),
        await parts.measure(options),
    ]


async def make_operations() -> dict[str, Operation]:
    """Return all measured operations by name."""
    keyring = Keyring([Key.generate()])
    codec = Codec(keyring, issuer=ISSUER, audience=ISSUER)
    entries = revoked(REVOKED)
    pair, known = await _known(keyring, [])
    _, known_among = await _known(keyring, entries)
    access = codec.decode_access(pair.access_token)
    refresh = codec.decode_refresh(pair.refresh_token)
    # Never the same token twice in a row, so that no cache can help.
    names = [f"t{number}" for number in range(OPERATIONS)]
    access_tokens = cycle([codec.encode(replace(access, token_id=name)) for name in names])
    refresh_tokens = cycle([codec.encode(replace(refresh, token_id=name)) for name in names])
    private = ec.generate_private_key(ec.SECP256R1())
    public, algorithm = private.public_key(), ec.ECDSA(SHA256())
    message = pair.access_token.rpartition(".")[0].encode()  # The signed part of a token.
    signature = private.sign(message, algorithm)
    es256 = Es256(private)
    jws_signature = es256.sign(message)
    revocations = Revocations()
    revocations.apply(entries, at=0)
    return {
        RAW_VERIFY: lambda: public.verify(signature, message, algorithm),
        RAW_SIGN: lambda: private.sign(message, algorithm),
        VERIFY: lambda: es256.verifies(jws_signature, message),
        DECODE_ACCESS: lambda: codec.decode_access(next(access_tokens)),
        ENCODE_ACCESS: lambda: codec.encode(access),
        DECODE_REFRESH: lambda: codec.decode_refresh(next(refresh_tokens)),
        ENCODE_REFRESH: lambda: codec.encode(refresh),
        KNOWN: known,
        KNOWN_AMONG: known_among,
        REVOCATIONS: lambda: revocations.require_unrevoked(access),
    }


def measure_copy(rounds: int) -> Table:
    """Apply many revocations, as a worker does when it reads the feed."""
    tracemalloc.start()
    copy = Revocations()
    copy.apply(revoked(REVOKED), at=0)
    size = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    entries = revoked(REVOKED)
    times = []
    for _ in range(rounds):
        began = time.perf_counter()
        Revocations().apply(entries, at=0)
        times.append((time.perf_counter() - began) / REVOKED * 1e6)
    return Table(
        title=COPY,
        rows=[
            Row(name=COPY_BYTES, figures={VALUE: [size / REVOKED]}),
            Row(name=COPY_TIME, figures={VALUE: times}),
        ],
    )


class _Told(MemoryStorage):
    """A storage with a feed that can be filled from outside."""

    def __init__(self, entries: Sequence[Revocation]) -> None:
        super().__init__()
        self._entries = entries

    def listen(self, listener: Callable[[Sequence[Revocation]], None]) -> None:
        super().listen(listener)
        listener(self._entries)


async def _known(keyring: Keyring, entries: Sequence[Revocation]) -> tuple[TokenPair, Operation]:
    """Return a pair, and the check of its access token as an edge calls it."""
    auth = Auth(
        storage=_Told(entries), keyring=keyring, issuer=ISSUER, passwords=Argon2Passwords(CHEAP)
    )
    pair = await login_as(auth, await a_user(auth))
    header = f"Bearer {pair.access_token}".encode()
    await access_claims(auth, header)
    return pair, lambda: remembered_claims(auth, header)


def revoked(number: int) -> list[Revocation]:
    """Create revocations, half of sessions and half of users."""
    now = datetime.now(UTC)
    return [
        Revocation(
            session_id=uuid4() if each % 2 else None,
            user_id=None if each % 2 else uuid4(),
            min_version=1,
            recorded_at=now,
            until=now + timedelta(days=1, microseconds=each),
        )
        for each in range(number)
    ]


def measure_round(operations: dict[str, Operation]) -> dict[str, float]:
    """Return the microseconds of each operation: the median of its turns."""
    turns: dict[str, list[float]] = {name: [] for name in operations}
    gc.disable()
    try:
        for name in random.sample([*operations] * TURNS, len(operations) * TURNS):
            turns[name].append(_time(operations[name]))
    finally:
        gc.enable()
    return {name: sorted(values)[len(values) // 2] for name, values in turns.items()}


def _time(operation: Operation) -> float:
    began = time.perf_counter()
    for _ in range(OPERATIONS):
        operation()
    return (time.perf_counter() - began) / OPERATIONS * 1e6


def rows(seen: dict[str, list[float]]) -> list[Row]:
    """Return the rows; for tokenpair's operations, with the share of the signature alone."""
    raw = {VERIFY: RAW_VERIFY, DECODE_ACCESS: RAW_VERIFY, ENCODE_ACCESS: RAW_SIGN}
    return [
        Row(
            name=name,
            figures={MICROSECONDS: values}
            | ({RAW_PART: ratios(seen[raw[name]], values)} if name in raw else {}),
        )
        for name, values in seen.items()
    ]
