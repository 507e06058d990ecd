"""The short form of the fuzz run: some inputs of every family end as commands are declared to end."""

from pathlib import Path

import pytest

from tests.fuzz import projects
from tests.fuzz.families import FAMILIES, make_scene
from tests.fuzz.mutations import dump
from tests.fuzz.scene import Scene, run_scene

INPUTS = {"import": 20, "config": 25, "pool": 10, "path": 20, "document": 1, "log": 6, "model": 4}


@pytest.fixture(autouse=True)
def alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No cache and no home of the user's."""
    monkeypatch.setenv("ANYTASKTUNE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))


@pytest.mark.parametrize("family", FAMILIES)
def test_hostile_inputs_end_as_commands_are_declared_to_end(family: str, tmp_path: Path) -> None:
    for number in range(INPUTS[family]):
        outcome = run_scene(make_scene((family, 20, number)), tmp_path / "scene")
        assert not outcome.is_fault, f"python -m tests.fuzz: {family} 20 {number}: {outcome}"


def test_equal_keys_make_equal_inputs() -> None:
    for family in ("import", "config", "pool", "path"):
        assert make_scene((family, 1, 7)) == make_scene((family, 1, 7))


def imported(name: str, content: bytes, *options: str) -> Scene:
    """An import of one file into a sound project."""
    files = {"law/domain.yaml": projects.domain_file(), name: content}
    return Scene("import", files, [["import", name, "-t", "team", "-p", "law", "--json", *options]])


def pool(change: dict[str, object]) -> Scene:
    """A check of a sound project whose first task is changed."""
    task = projects.POOL["tasks"][0] | change
    files = {"law/domain.yaml": dump(projects.POOL | {"tasks": [task, *projects.POOL["tasks"][1:]]}).encode()}
    return Scene("pool", files, [["tasks", "check", "-p", "law", "--json"]])


FOUND = {
    "a codec of bytes": (imported("a.csv", b"input,output\na,work\n", "--encoding", "hex"), "refused"),
    "a codec that always fails": (imported("a.csv", b"input,output\na,work\n", "--encoding", "undefined"), "refused"),
    "UTF-16 without its mark": (imported("a.csv", b"input,output\na,work\n", "--encoding", "utf-16"), "refused"),
    "Punycode": (imported("a.csv", "input,output\nö,work\n".encode(), "--encoding", "punycode"), "refused"),
    "a name of 300 characters": (Scene("path", {}, [["tasks", "check", "-p", "x" * 300]]), "refused"),
    "a loop of links": (Scene("path", {"loop": "loop"}, [["tasks", "check", "-p", "loop/x"]]), "refused"),
    "a number of 5,000 digits": (imported("a.jsonl", b'{"input": "a", "output": ' + b"9" * 5000 + b"}\n"), "refused"),
    "half a character": (imported("a.jsonl", b'{"input": "\\ud800", "output": "work"}\n'), "refused"),
    "a pattern of a hundred thousand repeats": (pool({"rules": {"pattern": "a{1,100000}"}}), "refused"),
}


@pytest.mark.parametrize(("scene", "kind"), FOUND.values(), ids=list(FOUND))
def test_an_input_that_was_found_ends_as_declared(scene: Scene, kind: str, tmp_path: Path) -> None:
    assert run_scene(scene, tmp_path / "scene").kind == kind
