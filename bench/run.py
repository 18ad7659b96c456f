"""The options of a run, which each group of measurements gets."""

from dataclasses import dataclass

from bench.databases import Databases


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """The number and length of the rounds, the size of the data, and the databases.

    In each of the `rounds`, a case is measured for `seconds`. `sessions` is the number of sessions
    in the large databases.
    """

    rounds: int
    seconds: float
    sessions: int
    databases: Databases
