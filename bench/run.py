"""The input of a group of measurements."""

from dataclasses import dataclass

from bench.databases import Databases


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """How long and how large to measure, and the databases.

    Each of the `rounds` takes `seconds`. `sessions` is their number in the large databases.
    """

    rounds: int
    seconds: float
    sessions: int
    databases: Databases
