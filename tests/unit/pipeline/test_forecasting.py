"""What training will take is told before it, kept with the run, and costs no second tokenising."""

from pathlib import Path

from tests.tiny_project import quick_settings, write_project
from tests.unit.pipeline.recording import Recording

from anytasktune.pipeline import Started, Workspace, plan, train
from anytasktune.schema import Estimate


def estimates(events: Recording) -> list[tuple[str, Estimate]]:
    return [(one.name, one.estimate) for one in events.events if isinstance(one, Started) and one.estimate]


def test_the_estimate_comes_before_training_and_stays_with_the_run(tmp_path: Path, tiny_model: Path) -> None:
    workspace = Workspace.open(write_project(tmp_path))
    settings, events = quick_settings(tiny_model), Recording()
    (planned,) = plan(workspace, settings=settings)
    assert not planned.trained
    assert planned.seconds > 0

    (run,) = train(workspace, settings=settings, on_event=events)
    assert estimates(events) == [("1 Task-LM", run.estimate)]
    assert run.estimate is not None
    assert run.estimate.tokens == planned.tokens == run.usage.tokens
    assert run.estimate.memory_bytes == planned.memory_bytes
    assert run.estimate_error is not None
    assert run.estimate_error > -1

    train(workspace, settings=settings, on_event=events)
    assert len(estimates(events)) == 1, "nothing is left to train"


def test_rows_are_kept_as_tokens_for_the_next_command(tmp_path: Path, tiny_model: Path) -> None:
    workspace = Workspace.open(write_project(tmp_path))
    plan(workspace, settings=quick_settings(tiny_model))
    (path,) = workspace.project.encoded.rglob("*.safetensors")
    made = path.stat().st_mtime_ns
    train(workspace, settings=quick_settings(tiny_model))
    assert [file.stat().st_mtime_ns for file in workspace.project.encoded.rglob("*.safetensors")] == [made]
