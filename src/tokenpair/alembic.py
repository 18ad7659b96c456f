"""For the `env.py` of an app that runs Alembic in the same database as tokenpair.

Without it, `alembic revision --autogenerate` writes a migration that drops tokenpair's tables::

    from tokenpair.alembic import include_name

    context.configure(..., include_name=include_name)
"""

from collections.abc import Mapping

TABLE_PREFIX = "tokenpair_"
"""The start of the name of every table of tokenpair's, its version table included."""


def include_name(name: str | None, kind: str, parent_names: Mapping[str, str | None]) -> bool:
    """Return whether Alembic should compare what has this name: all but tokenpair's tables.

    It has the form that Alembic's `EnvironmentContext.configure(include_name=…)` asks for. To
    combine it with a hook of your own, call it there:
    `return include_name(name, kind, parent_names) and name != "mine"`.
    """
    del parent_names  # The tables are left out in every schema.
    return kind != "table" or name is None or not name.startswith(TABLE_PREFIX)
