"""A filter for the `env.py` of an app that runs Alembic in the same database as tokenpair.

Without it, `alembic revision --autogenerate` writes a migration that drops tokenpair's tables::

    from tokenpair.alembic import include_name

    context.configure(..., include_name=include_name)
"""

from collections.abc import Mapping

TABLE_PREFIX = "tokenpair_"
"""Prefix of the names of tokenpair's tables, the version table included."""


def include_name(name: str | None, kind: str, parent_names: Mapping[str, str | None]) -> bool:
    """Return False for tokenpair's tables, so that Alembic does not compare them.

    Pass it to Alembic's `EnvironmentContext.configure(include_name=…)`. To combine it with a hook
    of your own, call it there: `return include_name(name, kind, parent_names) and name != "mine"`.
    """
    del parent_names  # The tables are left out in every schema.
    return kind != "table" or name is None or not name.startswith(TABLE_PREFIX)
