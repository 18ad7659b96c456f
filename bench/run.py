"""What a group of measurements is given."""

from dataclasses import dataclass

from bench.databases import Databases


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """How long and how large to measure, and the databases.

    `rounds` of `seconds` each; `sessions` is how many there are in the large databases.
    """

    rounds: int
    seconds: float
    sessions: int
    databases: Databases
