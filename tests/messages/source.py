"""What stands in the source: the sentences of errors and refusals, the pieces of sentences, the kinds of alerts.

What is put in when a sentence is said is shown as `…`.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from html import unescape
from itertools import product
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGES = ("handlers", "brokers", "bot", "kunji")
DEMO = ("bot/sandbox/", "bot/demo", "bot/leaps.py", "bot/terminal.py", "bot/tour.py")
ROOTS = {"KunjiError", "Error", "ClickException", "UsageError"}
"""All errors whose sentence a person is shown derive from these."""
COMPLAINTS = {"complain", "Fault", "otherwise"}
"""Calls that bring a sentence to such an error."""
VALUES_OF = ("bot/config/", "bot/init/", "bot/listening.py", "brokers/")
"""There a ValueError says what was expected of a value that somebody typed."""
WORDS_FOR = "bot/config/_check.py"
"""There what another library complains of is put into words of ours."""
NEVER_SHOWN = {"double key", "too deep"}
GAP = "…"


@dataclass(frozen=True, order=True)
class Raised:
    place: str
    """The module, or the package where one has several."""
    says: str
    hint: str


@cache
def trees() -> dict[str, ast.Module]:
    """The program, but for the demo, by path."""
    paths = [path for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py"))]
    named = {path.relative_to(ROOT).as_posix(): path for path in paths}
    return {name: ast.parse(path.read_text()) for name, path in named.items() if not name.startswith(DEMO)}


@cache
def raised() -> list[Raised]:
    """Every sentence of an error, once for each module or package."""
    errors = _errors()
    found = set()
    for name, tree in trees().items():
        shown = errors | ({"ValueError"} if name.startswith(VALUES_OF) else set())
        constants = _constants(tree)
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and (_called(node) in shown | COMPLAINTS or _is_partial_of(node, shown)):
                found |= {Raised(_place(name), *pair) for pair in _says_and_hint(node, constants)}
            elif isinstance(node, ast.Return) and name.startswith(WORDS_FOR):
                found |= {Raised(_place(name), text, "") for text in _texts(node.value, constants) if " " in text}
    return sorted(found)


def pieces(folder: str) -> set[str]:
    """The parts of sentences that stand in strings there, without markup and without what is put in."""
    found = set()
    for name, tree in trees().items():
        if name.startswith(folder):
            prose = _prose_about(tree)
            kept = [node for node in ast.walk(tree) if id(node) not in prose]
            strings = [node.value for node in kept if isinstance(node, ast.Constant) and isinstance(node.value, str)]
            found |= {piece for string in strings for piece in re.split(r"<[^<>]*>|\{\}|\n", string)}
    return {unescape(piece.strip()) for piece in found if " " in piece.strip()}


@cache
def strings() -> frozenset[str]:
    """Every string of the program."""
    found: set[str] = set()
    for tree in trees().values():
        constants = _constants(tree)
        for node in ast.walk(tree):
            if isinstance(node, ast.JoinedStr | ast.Constant):
                found |= set(_texts(node, constants))
    return frozenset(found)


@cache
def alert_kinds() -> set[str]:
    """Those that any code queues; one that is put together has a gap."""
    found = set()
    for name, tree in trees().items():
        for node in ast.walk(tree):
            if (
                isinstance(node, ast.Call)
                and name.startswith("bot/")
                and _called(node) in ("Alert", "tell")
                and node.args
            ):
                found |= set(_texts(node.args[0], {}))
    return found


def _errors() -> set[str]:
    """The names of all classes below the roots."""
    classes = [node for tree in trees().values() for node in ast.walk(tree) if isinstance(node, ast.ClassDef)]
    known, before = set(ROOTS), set[str]()
    while known != before:
        before = set(known)
        known |= {one.name for one in classes if known & {_name(base) for base in one.bases}}
    return known


def _place(name: str) -> str:
    package = Path(name).parent.as_posix()
    return name if package in PACKAGES else package


def _called(node: ast.Call) -> str:
    return _name(node.func)


def _name(node: ast.expr) -> str:
    return node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else ""


def _is_partial_of(node: ast.Call, names: set[str]) -> bool:
    return bool(node.args) and _called(node) == "partial" and _name(node.args[0]) in names


def _says_and_hint(node: ast.Call, constants: dict[str, list[str]]) -> Iterator[tuple[str, str]]:
    """A complaint has the key first; the sentence is the last of what is said without a name."""
    hints = [text for word in node.keywords if word.arg == "hint" for text in _texts(word.value, constants)] or [""]
    for says, hint in product(_texts(node.args[-1], constants) if node.args else [], hints):
        if " " in says.strip(f"{GAP} ") and says not in NEVER_SHOWN:
            yield says, hint


def _texts(node: ast.AST | None, constants: dict[str, list[str]]) -> list[str]:
    """All that this may say; none if it is no text that stands here."""
    match node:
        case ast.Constant(value=str(text)):
            return [text]
        case ast.Name(id=name) if name in constants:
            return constants[name]
        case ast.JoinedStr(values=values):
            return ["".join(one.value if isinstance(one, ast.Constant) else GAP for one in values)]
        case ast.IfExp(body=body, orelse=orelse):
            return _texts(body, constants) + _texts(orelse, constants)
        case ast.BoolOp(values=values):
            return [text for one in values for text in _texts(one, constants)]
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            ends = (_texts(left, constants) or [GAP], _texts(right, constants) or [GAP])
            return ["".join(both) for both in product(*ends)]
    return []


def _constants(tree: ast.Module) -> dict[str, list[str]]:
    """Texts that have a name in this module."""
    found: dict[str, list[str]] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign):
            for target in node.targets:
                found.setdefault(_name(target), []).extend(_texts(node.value, {}))
    return found


def _prose_about(tree: ast.Module) -> set[int]:
    """Docstrings, and strings that say something of what stands above them."""
    return {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
