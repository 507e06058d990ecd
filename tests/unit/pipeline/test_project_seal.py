"""One seal covers the test rows of all tasks of a project: no teacher is shown one, whatever task it writes rows for."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.openai_server import KEY, Served
from tests.scripted_teacher import Script, scripted_teacher
from tests.tiny_project import POOL, pool_rows, write_lines, write_project, write_rows

from anytasktune.datasets import FrozenDataset
from anytasktune.errors import ConfigError, DataError
from anytasktune.pipeline import Workspace, build, frozen_dataset, gate, synth
from anytasktune.pipeline.proposing import PoolSources, propose_pool

NAMED = ("teacher.name=scripted", "timeout=5", "rows=12", "feasibility_rows=20", "despite_feasibility=true")
SPLITS = (("train", 60), ("dev", 10), ("test", 20))


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> Iterator[Served]:
    with scripted_teacher() as served:
        monkeypatch.setenv("OPENAI_BASE_URL", served.url)
        monkeypatch.setenv("OPENAI_API_KEY", KEY)
        yield served


def shared_inputs(folder: Path) -> Path:
    """Two tasks with the same inputs, divided differently: each one's test rows are train rows of the other."""
    write_project(folder, rows=[], domain=POOL)
    for task, shift in (("team", 0), ("haste", 30)):
        start = shift
        for split, count in SPLITS:
            numbers = [number % 90 for number in range(start, start + count)]
            rows = [pool_rows(task, 1, number)[0] for number in numbers]
            write_rows(folder / "data" / task / f"{split}.jsonl", rows)
            start += count
    return folder


def sealed_inputs(folder: Path, *tasks: str) -> set[str]:
    return {row.input for task in tasks for row in frozen(folder, task).splits["test"]}


def frozen(folder: Path, task: str) -> FrozenDataset:
    workspace = Workspace.open(folder)
    return frozen_dataset(workspace, workspace.domain.task(task), workspace.settings().split)


def shown(served: Served, inputs: set[str]) -> set[str]:
    said = "\n".join(message["content"] for body in served.bodies for message in body["messages"]) + "\n"
    return {text for text in inputs if text in said}


@pytest.mark.parametrize("built", [("team", "haste"), ("team",)])
def test_no_teacher_is_shown_a_test_row_of_any_task(tmp_path: Path, served: Served, built: tuple[str, ...]) -> None:
    folder = shared_inputs(tmp_path / "firm")
    workspace = Workspace.open(folder)
    build(workspace, built, workspace.settings([*NAMED, "augmentations=[paraphrase,typos]"]))
    sealed = sealed_inputs(folder, "team", "haste")
    assert len(sealed) == 40
    assert shown(served, sealed) == set()
    assert shown(served, {row.input for row in frozen(folder, "team").splits["train"]} - sealed)


def test_a_passage_with_a_test_row_of_another_task_is_not_used(tmp_path: Path, served: Served) -> None:
    folder = shared_inputs(tmp_path / "firm")
    secret = "The lodger may keep one cat in the flat if the landlord was told of it in a letter."
    write_lines(folder / "data" / "reply" / "train.jsonl", ['{"input": "matter", "output": "matter"}'])
    write_lines(folder / "data" / "reply" / "test.jsonl", [f'{{"input": "{secret}", "output": "cat"}}'])
    (folder / "documents").mkdir()
    texts = {
        "cats.md": f"# Cats\n\n{secret} Dogs need a second letter from the caretaker before they may move in.\n",
        "heat.md": "# Heating\n\nBetween October and April the flat is heated to twenty degrees by the boiler in the cellar.\n",
    }
    for name, text in texts.items():
        (folder / "documents" / name).write_text(text, encoding="utf-8")
    workspace = Workspace.open(folder)
    synth(workspace, ("team",), workspace.settings([*NAMED, "inputs_from=passage"]))
    assert shown(served, {secret}) == set()
    assert shown(served, {"heated to twenty degrees"})


def test_an_input_that_the_teacher_writes_and_that_is_a_test_row_fails_and_ends_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = shared_inputs(tmp_path / "firm")
    known = sorted(sealed_inputs(folder, "haste"))
    said = iter(known * 1000)
    values = {name: lambda *_: next(said) for name in ("input", "inputs")}
    with scripted_teacher(Script(values=values)) as served:
        monkeypatch.setenv("OPENAI_BASE_URL", served.url)
        workspace = Workspace.open(folder)
        (made,) = synth(workspace, ("team",), workspace.settings([*NAMED, "inputs_from=task_only"]))
    assert made.manifest.failed.get("sealed", 0) > 0
    assert not {candidate.input for candidate in made.candidates} & set(known)
    assert shown(served, set(known)) == set()


def test_candidates_made_before_another_task_had_these_test_rows_are_refused(tmp_path: Path, served: Served) -> None:
    folder = shared_inputs(tmp_path / "firm")
    workspace = Workspace.open(folder)
    settings = workspace.settings([*NAMED, "judge_threshold=0"])
    synth(workspace, ("team",), settings)
    gate(workspace, ("team",), settings)
    write_rows(folder / "data" / "haste" / "test.jsonl", pool_rows("haste", 21, 500))
    with pytest.raises(DataError, match="while other test rows were sealed"):
        gate(workspace, ("team",), settings)


def test_a_teacher_that_proposes_tasks_is_shown_no_test_row_of_the_project(tmp_path: Path, served: Served) -> None:
    folder = shared_inputs(tmp_path / "firm")
    sealed = sealed_inputs(folder, "team", "haste")
    past = write_rows(tmp_path / "past.jsonl", pool_rows("team", 90))
    (tmp_path / "notes").mkdir()
    secret, public = sorted(sealed)[0], "The office opens at nine and closes at five on working days."
    (tmp_path / "notes" / "day.md").write_text(f"{public}\n\nA matter of today:\n{secret}\n", encoding="utf-8")
    sources = PoolSources("A law firm.", tmp_path / "notes", [past], teacher="scripted")
    with contextlib.suppress(ConfigError):  # what a teacher proposes by chance may be of no use
        propose_pool(folder, sources, out=tmp_path / "proposal.yaml")
    assert shown(served, sealed) == set()
    assert shown(served, {public})
    assert shown(served, {row.input for row in pool_rows("team", 90)} - sealed)
