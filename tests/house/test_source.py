"""The rules of the house, read off the source: floors, imports, sizes, docstrings and words."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "src" / "popmix"
FILES = sorted(PACKAGE.rglob("*.py"))

FLOORS = {
    "errors": 0, "table": 0.5,  # tables raise errors
    "data": 1, "study": 1, "plot": 1,
    "model": 2,
    "compiler": 3,
    "engine": 4,
    "likelihood": 5,
    "estimate": 6, "simulate": 6, "design": 6,
    "diagnose": 7, "uncertainty": 7,
    "build": 8,
    "report": 9, "interop": 9,
    "app": 10, "cli": 10,
}  # fmt: skip
TOP = 10
ENTRANCES = {"__init__", "__main__"}
HEAVY = {"pandas", "polars", "matplotlib", "scipy", "symengine", "numba", "llvmlite"}
OPTIONAL = {"pandas", "pyarrow"}  # extras: may be imported where they are needed
LONGEST_FILE, LONGEST_FUNCTION = 400, 45
PATHS = re.compile(r"/(home|root|work|Users|tmp|opt|mnt)/|[A-Z]:\\\\Users")


def name_of(file: Path) -> str:
    return str(file.relative_to(PACKAGE))


def tree_of(file: Path) -> ast.Module:
    return ast.parse(file.read_text(encoding="utf-8"), str(file))


def floor_of(file: Path) -> int | None:
    room = file.relative_to(PACKAGE).parts[0].removesuffix(".py")
    return None if room in ENTRANCES else FLOORS[room]


def room_of(module: str) -> str:
    return module.split(".")[1]


def imported(tree: ast.AST) -> list[tuple[str, int]]:
    """Return every imported module with its line; `from popmix import data` counts as popmix.data."""
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found += [(alias.name, node.lineno) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            whole = [f"popmix.{alias.name}" for alias in node.names] if node.module == "popmix" else [node.module]
            found += [(module, node.lineno) for module in whole]
    return found


def functions(tree: ast.AST) -> list[ast.FunctionDef]:
    return [node for node in ast.walk(tree) if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))]


every_file = pytest.mark.parametrize("file", FILES, ids=name_of)


@every_file
def test_imports_point_down(file):
    own = floor_of(file)
    if own is None or own == TOP:
        return
    own_room = file.relative_to(PACKAGE).parts[0].removesuffix(".py")
    wrong = []
    for module, line in imported(tree_of(file)):
        if module == "popmix":
            wrong.append(f"line {line}: the package itself (only floor {TOP} may reach everything)")
        elif module.startswith("popmix.") and room_of(module) != own_room and FLOORS.get(room_of(module), TOP) >= own:
            wrong.append(f"line {line}: {module} is not below floor {own}")
    assert not wrong, "\n".join(wrong)


def test_every_room_has_a_floor():
    rooms = {file.relative_to(PACKAGE).parts[0].removesuffix(".py") for file in FILES} - ENTRANCES
    assert rooms <= FLOORS.keys()


@every_file
def test_lower_floors_stay_light(file):
    own = floor_of(file)
    if own is None or own > 2:
        return
    top_level = [node for node in tree_of(file).body if isinstance(node, (ast.Import, ast.ImportFrom))]
    # drawings are loaded by who asks for one
    heavy_here = HEAVY - {"matplotlib"} if name_of(file).startswith("plot/") else HEAVY
    heavy = [module for node in top_level for module, _ in imported(node) if module.split(".")[0] in heavy_here]
    assert not heavy


@every_file
def test_no_imports_inside_functions(file):
    inside = [
        f"line {line}: {module}"
        for function in functions(tree_of(file))
        for module, line in imported(function)
        if module.split(".")[0] not in OPTIONAL
    ]
    assert not inside, "\n".join(inside)


@every_file
def test_files_and_functions_fit_on_a_page_or_so(file):
    tree = tree_of(file)
    assert len(file.read_text(encoding="utf-8").splitlines()) <= LONGEST_FILE
    long = [f"{node.name} (line {node.lineno})" for node in functions(tree) if _code_lines(node) > LONGEST_FUNCTION]
    assert not long, "\n".join(long)


def _code_lines(function: ast.FunctionDef) -> int:
    """Return the lines of a function without its docstring."""
    first = function.body[0]
    documented = isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) and isinstance(first.value.value, str)
    return function.end_lineno - function.lineno + 1 - (first.end_lineno - first.lineno + 1 if documented else 0)


@every_file
def test_public_things_are_documented(file):
    tree = tree_of(file)
    missing = [] if ast.get_docstring(tree) or not tree.body else ["the module"]
    for node in tree.body:
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)) and not node.name.startswith("_"):
            missing += [] if ast.get_docstring(node) else [node.name]
            missing += _undocumented_methods(node) if isinstance(node, ast.ClassDef) else []
    assert not missing, ", ".join(missing)


def _undocumented_methods(node: ast.ClassDef) -> list[str]:
    """Return public methods without a docstring; one that a base class of the same file documents needs none."""
    return [f"{node.name}.{each.name}" for each in node.body if _needs_docstring(each) and not (node.bases and each.name in INHERITED)]


def _needs_docstring(node: ast.stmt) -> bool:
    return isinstance(node, ast.FunctionDef) and not node.name.startswith("_") and not ast.get_docstring(node)


INHERITED = {"key", "children", "names", "expressions"}


def tracked_text() -> list[Path]:
    kinds = {".py", ".md", ".toml", ".txt", ".csv", ".json", ""}
    folders = ("src", "tests", "docs", "examples", "benchmarks", "scripts", ".ci")
    files = [path for folder in folders for path in (ROOT / folder).rglob("*") if path.is_file() and path.suffix in kinds]
    # what tools leave where they were started is not ours
    left = {"__pycache__", ".hypothesis", ".pytest_cache", ".ruff_cache"}
    return [path for path in [*files, *ROOT.glob("*.md"), ROOT / "pyproject.toml"] if not left & set(path.parts)]


def test_no_machine_paths():
    marked = [str(path.relative_to(ROOT)) for path in tracked_text() if path != Path(__file__) and PATHS.search(_text(path))]
    assert not marked, "\n".join(marked)


def test_nothing_is_left_open():
    words = re.compile("|".join(("TO" + "DO", "FIX" + "ME", "XX" + "X", "NotImplemented" + "Error")))
    marked = [name_of(path) for path in FILES if words.search(_text(path))]
    assert not marked, "\n".join(marked)


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8", errors="replace")
