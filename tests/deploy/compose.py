"""What compose.yaml says, as Compose would read it."""

import re
from collections.abc import Mapping
from typing import Any

import yaml

from tests.docs.reading import ROOT

_VARIABLE = re.compile(r"\$\{(\w+)(?::-([^}]*)|:\?[^}]*)\}")


def read(variables: Mapping[str, str]) -> dict[str, Any]:
    """Return the content, with these variables. Raises KeyError for a missing one."""

    def value(found: re.Match[str]) -> str:
        name, default = found.groups()
        return variables.get(name) or (variables[name] if default is None else default)

    text = _VARIABLE.sub(value, (ROOT / "compose.yaml").read_text())
    return dict(yaml.safe_load(text))
