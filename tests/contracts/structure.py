"""Figures of how the source reads: sizes, single-use helpers, dispatch on output kinds, module names, reach of a module.

    python -m tests.contracts.structure [SOURCE_FOLDER]

prints them; `test_structure.py` holds the project to its limits.
"""

import ast
import functools
import statistics
import sys
from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

SOURCE = Path(__file__).parents[2] / "src" / "anytasktune"
OUTPUT_CLASSES = {"LabelOutput", "LabelsOutput", "JsonOutput", "NumberOutput", "TextOutput"}
SHORT = 10
"""Lines; a private function of at most so many that is used once only cuts its caller in two."""


@dataclass(frozen=True)
class Function:
    """A function of the source and its length in lines, docstring left out."""

    place: str
    name: str
    lines: int


@dataclass(frozen=True)
class Structure:
    """All figures of one source folder."""

    files: int
    lines: int
    functions: list[Function]
    single_use: list[Function]
    kind_dispatch: list[str]
    repeated_names: dict[str, list[str]]

    @property
    def single_use_share(self) -> float:
        """Share of the functions that are private, short and used once."""
        return len(self.single_use) / max(1, len(self.functions))

    @property
    def median_length(self) -> float:
        """Lines of the median function."""
        return statistics.median(function.lines for function in self.functions)

    @property
    def p90_length(self) -> float:
        """Lines that nine functions in ten do not exceed."""
        return statistics.quantiles((function.lines for function in self.functions), n=10)[-1]


@functools.cache
def syntax_trees(source: Path) -> dict[Path, ast.Module]:
    """The syntax tree of every module below `source`."""
    return {path: ast.parse(path.read_text(encoding="utf-8")) for path in sorted(source.rglob("*.py"))}


@functools.cache
def measure(source: Path = SOURCE) -> Structure:
    """Read every module below `source`."""
    trees = syntax_trees(source)
    functions = [item for path, tree in trees.items() for item in _functions(path.relative_to(source), tree)]
    used = Counter(name for tree in trees.values() for name in _names_used(tree))
    stems: dict[str, list[str]] = {}
    for path in trees:
        if path.stem not in {"__init__", "__main__"}:
            stems.setdefault(path.stem, []).append(path.relative_to(source).as_posix())
    return Structure(
        files=len(trees),
        lines=sum(len(path.read_text(encoding="utf-8").splitlines()) for path in trees),
        functions=functions,
        single_use=[
            function
            for function in functions
            if function.name.startswith("_")
            and not function.name.startswith("__")
            and function.lines <= SHORT
            and used[function.name] <= 1
        ],
        kind_dispatch=[place for path, tree in trees.items() for place in _dispatches(path.relative_to(source), tree)],
        repeated_names={stem: places for stem, places in stems.items() if len(places) > 1},
    )


def reached_from(module: str, source: Path = SOURCE, without: Collection[str] = ()) -> set[str]:
    """Modules imported by `module`, directly or not, inside functions too; `without` these and all that only they import."""
    package = source.name
    files = {
        ".".join(path.relative_to(source.parent).with_suffix("").parts).removesuffix(".__init__"): path
        for path in source.rglob("*.py")
    }
    found: set[str] = set()
    waiting = [module]
    while waiting:
        name = waiting.pop()
        if name in found or name in without or name not in files:
            continue
        found.add(name)
        tree = ast.parse(files[name].read_text(encoding="utf-8"))
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] == package:
                waiting += [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
    return found


def _functions(path: Path, tree: ast.Module) -> Iterator[Function]:
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            start = node.lineno if ast.get_docstring(node) is None else (node.body[0].end_lineno or node.lineno)
            yield Function(f"{path.as_posix()}:{node.lineno}", node.name, (node.end_lineno or node.lineno) - start + 1)


def _names_used(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Name):
            yield node.id
        elif isinstance(node, ast.Attribute):
            yield node.attr


def _dispatches(path: Path, tree: ast.Module) -> Iterator[str]:
    """Lines outside `outputs/` and `schema/` that ask of which kind an output is."""
    if path.parts[0] in {"outputs", "schema"}:
        return
    for node in ast.walk(tree):
        is_check = (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Name)
            and node.func.id == "isinstance"
            and any(isinstance(name, ast.Name) and name.id in OUTPUT_CLASSES for name in ast.walk(node))
        )
        is_case = isinstance(node, ast.MatchClass) and isinstance(node.cls, ast.Name) and node.cls.id in OUTPUT_CLASSES
        is_kind = (
            isinstance(node, ast.Compare)
            and isinstance(node.left, ast.Attribute)
            and node.left.attr == "kind"
            and "output" in ast.unparse(node.left)
        )
        if is_check or is_case or is_kind:
            yield f"{path.as_posix()}:{node.lineno if isinstance(node, ast.expr) else node.cls.lineno}"  # type: ignore[attr-defined]


def main() -> None:
    """Print the figures of the source folder named on the command line, or of this project."""
    source = Path(sys.argv[1]) if len(sys.argv) > 1 else SOURCE
    structure = measure(source)
    tune = f"{source.name}.pipeline.tuning"
    rows = {
        "files": structure.files,
        "lines": structure.lines,
        "functions": len(structure.functions),
        "median function length": structure.median_length,
        "90th percentile of function length": structure.p90_length,
        f"private, at most {SHORT} lines, used once": f"{len(structure.single_use)} ({structure.single_use_share:.1%})",
        "files reached from `tune`, `build` left out": len(
            reached_from(tune, source, without=[f"{source.name}.pipeline.building"])
        ),
        "places outside outputs/ that dispatch on an output kind": len(structure.kind_dispatch),
        "module names that occur twice": len(structure.repeated_names),
    }
    for name, value in rows.items():
        print(f"{name:60} {value}")
    if "--list" in sys.argv:
        for function in structure.single_use:
            print(function.place, function.name)
        print(*structure.kind_dispatch, sep="\n")


if __name__ == "__main__":
    main()
