"""Write python.md from the docstrings: `uv run python docs/reference/make_python.py`.

A test fails when the page is not what this would write.
"""

import dataclasses
import importlib
import inspect
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeVar

PAGE = Path(__file__).with_name("python.md")

MODULES = (
    "tokenpair",
    "tokenpair.fastapi",
    "tokenpair.client",
    "tokenpair.errors",
    "tokenpair.events",
    "tokenpair.settings",
    "tokenpair.ports",
    "tokenpair.stores.memory",
    "tokenpair.stores.sql",
    "tokenpair.alembic",
    "tokenpair.testing",
    "tokenpair.testing.store_contract",
)

INTRODUCTION = """\
# Python

The public names of tokenpair, which stay the same across releases. All other names may change in
any release. This page is generated from the docstrings (`docs/reference/make_python.py`), which
`help()` also shows.
"""


def page() -> str:
    """Write the whole page."""
    return "\n".join([INTRODUCTION, *(_module(name) for name in MODULES)])


def _module(name: str) -> str:
    module = importlib.import_module(name)
    items = [(each, _item(each, thing)) for each, thing in _public(module)]
    parts = [f"## {name}\n", _text(module), _contents(items)]
    return "\n".join([*parts, *(item for _, item in items)])


def _contents(items: list[tuple[str, str]]) -> str:
    """List what follows, each with its first sentence."""
    rows = [f"| [`{name}`](#{name.lower()}) | {_first_sentence(item)} |" for name, item in items]
    return "\n".join(["| name | |", "|---|---|", *rows, ""])


def _first_sentence(item: str) -> str:
    prose = re.sub(r"```.*?```", "", item, flags=re.DOTALL)
    prose = re.sub(r"^#+ .*$", "", prose, flags=re.MULTILINE)
    first = next((each for each in prose.split("\n\n") if each.strip()), "")
    return " ".join(first.split()).replace("|", "\\|").removesuffix(".")


def _public(module: Any) -> Iterator[tuple[str, Any]]:
    """Yield a module's own names: its exports, or else what it defines itself, in that order."""
    exported = getattr(module, "__all__", None)
    if exported is not None:
        yield from ((name, getattr(module, name)) for name in exported)
        return
    for name, thing in vars(module).items():
        is_own = getattr(thing, "__module__", "") == module.__name__
        if is_own and not name.startswith("_") and not isinstance(thing, TypeVar):
            yield name, thing


def _item(name: str, thing: Any) -> str:
    if isinstance(thing, type):
        return _class(name, thing)
    # Not an alias such as Annotated[...]: `typing` wrote its docstring, and changes it.
    if inspect.isfunction(thing):
        return "\n".join([f"### {name}\n", _signature(thing, name), _text(thing)])
    return f"### {name}\n\n{_described(name)}"


def _described(name: str) -> str:
    """Return the docstring below an annotation or a constant in its source."""
    package = Path(__file__).parents[2] / "src" / "tokenpair"
    for path in sorted(package.rglob("*.py")):
        found = re.search(
            rf'^{name}\b[^\n]*=[^\n]*(?:\n[ )\]][^\n]*)*\n"""(.+?)"""',
            path.read_text(),
            re.MULTILINE | re.DOTALL,
        )
        if found:
            return f"{found[1]}\n"
    return ""


def _class(name: str, kind: type) -> str:
    lines = [f"### {name}\n"]
    init = next((vars(each)["__init__"] for each in _parts(kind) if "__init__" in vars(each)), None)
    if dataclasses.is_dataclass(kind) or init:
        lines += [] if issubclass(kind, BaseException) else [_signature(kind, name)]
    lines.append(_text(kind))
    if init and not dataclasses.is_dataclass(kind):
        lines.append(_text(init))
    if issubclass(kind, BaseException) and "code" in vars(kind):
        lines.append(f"`code` is `{vars(kind)['code']}`.\n")
    lines += [_method(each, thing) for each, thing in _methods(kind)]
    return "\n".join(lines)


def _methods(kind: type) -> Iterator[tuple[str, Any]]:
    members = [item for each in _parts(kind) for item in vars(each).items()]
    for name, thing in members:
        plain = thing.__func__ if isinstance(thing, classmethod | staticmethod) else thing
        is_called = name == "__call__" and bool(inspect.getdoc(plain))
        if name.startswith("_") and not is_called:
            continue
        if inspect.isfunction(plain) or isinstance(plain, property):
            yield name, plain
    if kind.__name__ == "Auth":
        yield from _flows()


def _parts(kind: type) -> list[type]:
    """Return the class itself, and for some the classes of ours that they are made of."""
    if kind.__name__ in {"Auth", "PairAuth"}:
        return [each for each in kind.__mro__ if each.__module__.startswith("tokenpair")]
    if kind.__name__ != "Settings":
        return [kind]
    ours = [each for each in kind.__mro__ if each.__module__.startswith("tokenpair.settings")]
    return [each for each in ours if each.__name__ != "EnvironmentSettings"]


def _flows() -> Iterator[tuple[str, Any]]:
    """Yield the flows that are an `Auth`'s attributes, each called like a method."""
    testing = importlib.import_module("tokenpair.testing")
    for name, flow in vars(testing.make_auth()).items():
        if not name.startswith("_") and type(flow).__module__.startswith("tokenpair.flows"):
            yield name, (flow, type(flow).__call__)


def _method(name: str, thing: Any) -> str:
    if isinstance(thing, property):
        return f"#### {name}\n\n{_text(thing)}"
    if isinstance(thing, tuple):
        flow, call = thing
        about = inspect.getdoc(type(flow)) or ""
        return f"#### {name}\n\n{_signature(call, name)}\n{about}\n\n{_text(call)}"
    return f"#### {name}\n\n{_signature(thing, name)}\n{_text(thing)}"


def _signature(thing: Any, name: str) -> str:
    signature = inspect.signature(thing)
    own = {"self", "cls"}
    parameters = [each for each in signature.parameters.values() if each.name not in own]
    if dataclasses.is_dataclass(thing):
        parameters = [each for each in parameters if not each.name.startswith("_")]
    returned = "" if isinstance(thing, type) else _annotation(signature.return_annotation)
    prefix = "await " if inspect.iscoroutinefunction(thing) else ""
    written = _parameters(parameters)
    line = f"{prefix}{name}({', '.join(written)}){returned}"
    if len(line) > 100:
        inner = "".join(f"    {each},\n" for each in written)
        line = f"{prefix}{name}(\n{inner}){returned}"
    return f"```\n{line}\n```\n"


def _parameters(parameters: list[inspect.Parameter]) -> list[str]:
    written, is_starred = [], False
    for each in parameters:
        if each.kind is each.KEYWORD_ONLY and not is_starred:
            written.append("*")
            is_starred = True
        is_starred |= each.kind is each.VAR_POSITIONAL
        written.append(_plain(str(each)))
    return written


def _annotation(returned: object) -> str:
    if returned is inspect.Signature.empty:
        return ""
    return f" -> {_plain(inspect.formatannotation(returned))}"


def _plain(text: str) -> str:
    """Leave out the modules that names come from, and the addresses of things."""
    text = re.sub(r"(?<!@)\b(?:[a-z_]+\.)+(?=[A-Za-z])", "", text)
    text = text.replace("~", "")  # Of type variables.
    text = re.sub(r"Annotated\[(\w+), (?:Security|Depends)\(.*?\)\]", r"\1", text)
    text = re.sub(r"<(?:built-in )?function (\w+)(?: at 0x[0-9a-f]+)?>", r"\1", text)
    text = re.sub(r"<factory>|<dataclasses\._HAS_DEFAULT_FACTORY_CLASS.*?>", "...", text)
    return re.sub(r"<bound method (?:\w+\.)*(\w+) of .+?>", r"\1", text).replace("'", '"')


def _text(thing: Any) -> str:
    """Return a docstring, with its examples as fenced blocks."""
    text = _docstring(thing)
    text = re.sub(r"::\n\n((?:    .*\n?|\n)+)", _block, text)
    return f"{text.rstrip()}\n" if text else ""


def _docstring(thing: Any) -> str:
    """Return the thing's own docstring, or the one that it inherits from a class of ours."""
    if not isinstance(thing, type):
        return inspect.cleandoc(thing.__doc__ or "")
    ours = (kind for kind in thing.__mro__ if kind.__module__.startswith("tokenpair"))
    written = (inspect.cleandoc(kind.__dict__.get("__doc__") or "") for kind in ours)
    # A dataclass without a docstring gets its signature for one.
    return next(
        (text for text in written if text and not text.startswith(f"{thing.__name__}(")), ""
    )


def _block(found: re.Match[str]) -> str:
    return f":\n\n```\n{inspect.cleandoc(found[1])}\n```\n\n"


if __name__ == "__main__":
    PAGE.write_text(page())
