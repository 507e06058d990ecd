"""Rules of CONTRIBUTING.md that a program can check: sizes, names, words, and who may print or write."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from tests.contracts.structure import SOURCE, measure, syntax_trees

MODULES = {path.relative_to(SOURCE).as_posix(): tree for path, tree in syntax_trees(SOURCE).items()}

LONGEST_FUNCTION, LONGEST_FILE, MOST_ARGUMENTS = 60, 500, 8
WRITERS = ("store", "models")
"""Rooms that may write files."""
FREE_CLAUSE = re.compile(r"(What|Who|Whose|Whoever|Somebody|Someone|How (far|much|often|many|long)) ")
VAGUE_NAMES = {"utils", "util", "helpers", "helper", "manager", "common", "misc", "base", "data", "info"}


def functions(tree: ast.Module) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    return (node for node in ast.walk(tree) if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)))


def calls(tree: ast.Module) -> Iterator[ast.Call]:
    return (node for node in ast.walk(tree) if isinstance(node, ast.Call))


def test_functions_and_files_are_short() -> None:
    long = [f"{function.place} {function.name}: {function.lines}" for function in measure().functions]
    long = [line for line in long if int(line.rpartition(" ")[2]) > LONGEST_FUNCTION]
    assert not long
    lengths = {path.relative_to(SOURCE).as_posix(): len(path.read_bytes().splitlines()) for path in SOURCE.rglob("*.py")}
    assert not {name: length for name, length in lengths.items() if length > LONGEST_FILE}


def test_functions_take_few_arguments() -> None:
    found = [
        f"{name}:{function.lineno} {function.name}"
        for name, tree in MODULES.items()
        if not name.startswith("cli/")  # a verb has as many as it has options
        for function in functions(tree)
        if len(function.args.args) + len(function.args.kwonlyargs) > MOST_ARGUMENTS
    ]
    assert not found


def test_few_private_functions_only_cut_their_caller_in_two() -> None:
    structure = measure()
    assert structure.single_use_share <= 0.10, [f"{function.place} {function.name}" for function in structure.single_use]


def test_every_module_has_a_name_of_its_own() -> None:
    assert not measure().repeated_names
    assert not VAGUE_NAMES & {Path(name).stem for name in MODULES}


def test_output_kinds_are_told_apart_in_their_own_room() -> None:
    assert len(measure().kind_dispatch) <= 3, measure().kind_dispatch


def test_docstrings_open_with_a_verb_or_a_noun() -> None:
    found = [
        f"{name}:{getattr(node, 'lineno', 1)} {docstring.splitlines()[0]}"
        for name, tree in MODULES.items()
        for node in ast.walk(tree)
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef))
        and FREE_CLAUSE.match(docstring := ast.get_docstring(node) or "")
    ]
    assert not found


def test_public_functions_and_classes_have_docstrings() -> None:
    found = [
        f"{name}:{node.lineno} {node.name}"
        for name, tree in MODULES.items()
        for node in tree.body
        if isinstance(node, (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef))
        and not node.name.startswith("_")
        and not ast.get_docstring(node)
    ]
    assert not found


def test_only_the_command_line_prints() -> None:
    found = [
        f"{name}:{call.lineno}"
        for name, tree in MODULES.items()
        if not name.startswith("cli/")
        for call in calls(tree)
        if isinstance(call.func, ast.Name) and call.func.id == "print"
    ]
    assert not found


def test_only_store_and_models_write_files() -> None:
    found = [
        f"{name}:{call.lineno}"
        for name, tree in MODULES.items()
        if name.partition("/")[0] not in WRITERS
        for call in calls(tree)
        if isinstance(call.func, ast.Attribute) and call.func.attr in {"write_text", "write_bytes", "touch", "unlink", "rename"}
    ]
    assert not found


def test_teachers_are_opened_in_one_place() -> None:
    found = {
        name
        for name, tree in MODULES.items()
        for call in calls(tree)
        if isinstance(call.func, ast.Attribute)
        and isinstance(call.func.value, ast.Name)
        and call.func.value.id == "Teacher"
        and call.func.attr in {"open", "at", "replaying"}
    }
    assert found == {"pipeline/teacher_access.py"}
