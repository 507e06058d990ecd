"""From documents, rows and a teacher to a frozen data set, through a real server that plays the teacher."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from tests.openai_server import KEY, Served
from tests.scripted_teacher import Script, scripted_teacher
from tests.tiny_project import LABELS, quick_settings, team_rows, write_project
from tests.unit.pipeline.test_frozen_rows import frozen

from anytasktune.errors import AnyTaskTuneError, ConfigError, DataError
from anytasktune.pipeline import BuildOptions, Workspace, augment, build, gate, synth, tune
from anytasktune.pipeline.building import Built, forecast_build
from anytasktune.schema import DatasetManifest
from anytasktune.store import read_record

NAMED = ("teacher.name=scripted", "timeout=5", "feasibility_rows=0", "rows=12")
DOCUMENT = """\
# The letting office

## Deposits

The landlord returns the deposit within fourteen days of the end of the lease. Deductions are listed in a letter.
A tenant who disagrees writes to the office before the end of the month, and a clerk looks at the flat once more.

## Heating

Between October and April the flat is heated to twenty degrees. Where the boiler fails, the tenant calls the caretaker
first and the office on the next working day. The rent is reduced for every day without heat.
"""


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> Iterator[Served]:
    with scripted_teacher() as served:
        monkeypatch.setenv("OPENAI_BASE_URL", served.url)
        monkeypatch.setenv("OPENAI_API_KEY", KEY)
        yield served


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = write_project(tmp_path / "firm", team_rows(120))
    (folder / "documents").mkdir()
    (folder / "documents" / "office.md").write_text(DOCUMENT, encoding="utf-8", newline="\n")
    return folder


def built(project: Path, *more: str, options: BuildOptions | None = None) -> Built:
    workspace = Workspace.open(project)
    (one,) = build(workspace, ("team",), workspace.settings([*NAMED, *more]), None, options)
    return one


def prompts(served: Served) -> str:
    return "\n".join(message["content"] for body in served.bodies for message in body["messages"])


def test_every_planned_candidate_is_accounted_for_and_the_kept_ones_join_the_train_rows(project: Path, served: Served) -> None:
    one = built(project)
    counts = one.gated.manifest.counts
    assert counts.balanced and counts.planned == 24 and counts.kept > 0
    manifest = one.dataset.manifest
    assert manifest.generated is not None and manifest.generated.rows == {"train": counts.kept}
    assert {row.output for row in one.dataset.splits["train"]} == set(LABELS)


def test_no_teacher_is_ever_shown_a_test_row(project: Path, served: Served) -> None:
    one = built(project, "feasibility_rows=10", "despite_feasibility=true", "augmentations=[paraphrase,typos]")
    said = prompts(served)
    assert len(one.dataset.splits["test"]) >= 20
    assert not [row.input for row in one.dataset.splits["test"] if row.input in said]
    assert [row for row in team_rows(120) if row.input in said]


def test_the_same_command_again_asks_nothing_and_gives_the_same_data_set(project: Path, served: Served) -> None:
    first = built(project, "augmentations=typos")
    asked = len(served.bodies)
    assert asked > 0
    assert built(project, "augmentations=typos").dataset.manifest.id == first.dataset.manifest.id
    assert len(served.bodies) == asked


def test_candidates_are_gated_and_judged_once_and_augmentations_are_compared_with_them(project: Path, served: Served) -> None:
    workspace = Workspace.open(project)
    settings = workspace.settings([*NAMED, "augmentations=paraphrase"])
    (run,) = synth(workspace, ("team",), settings)
    (passed,) = gate(workspace, ("team",), settings)
    asked = len(served.bodies)
    one = built(project, "augmentations=paraphrase")
    generated, augmented = [run.manifest.id], one.gated.manifest.candidate_sets[1:]
    assert one.gated.manifest.candidate_sets == generated + augmented
    assert one.gated.kept[: len(passed.kept)] == passed.kept
    counts = one.gated.manifest.counts
    assert counts.balanced and counts.kept > len(passed.kept)
    assert len(served.bodies) > asked
    usage = one.gated.manifest.usage
    assert usage.requests > passed.manifest.usage.requests > 0


def test_what_was_answered_is_not_paid_again_when_everything_else_is_gone(project: Path, served: Served) -> None:
    first = built(project)
    asked = len(served.bodies)
    for folder in (project / "artifacts").iterdir():
        if folder.name != "teacher":
            _remove(folder)
    assert built(project).dataset.manifest.id == first.dataset.manifest.id
    assert len(served.bodies) == asked


def _remove(folder: Path) -> None:
    for path in sorted(folder.rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    folder.rmdir()


def test_a_cap_in_tokens_is_never_passed_and_raising_it_goes_on(project: Path, served: Served) -> None:
    with pytest.raises(DataError, match="over_budget"):
        built(project, "max_tokens=100")
    assert served.bodies == []
    usage = built(project).gated.manifest.usage
    assert usage.requests > 0
    assert len(served.bodies) > 0


def test_the_key_stands_in_no_file(project: Path, served: Served) -> None:
    built(project, options=BuildOptions(record=project / "record.jsonl"))
    assert served.keys[0] == f"Bearer {KEY}"
    files = [path for path in project.rglob("*") if path.is_file()]
    assert files and not [path for path in files if KEY.encode() in path.read_bytes()]


def test_a_recorded_run_is_played_again_without_any_server(
    project: Path, served: Served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    record = tmp_path / "record.jsonl"
    first = built(project, options=BuildOptions(record=record))
    monkeypatch.delenv("OPENAI_BASE_URL")
    _remove(project / "artifacts")
    again = built(project, options=BuildOptions(replay=record))
    assert again.dataset.manifest.id == first.dataset.manifest.id


def test_a_teacher_that_fails_on_known_rows_is_not_asked_for_new_ones(project: Path, served: Served) -> None:
    with pytest.raises(DataError, match="on rows with known answers") as caught:
        built(project, "feasibility_rows=20")
    assert "despite_feasibility" in str(caught.value)
    assert built(project, "feasibility_rows=20", "despite_feasibility=true").gated.kept


def test_without_a_teacher_typos_can_be_made_and_nothing_else(project: Path) -> None:
    workspace = Workspace.open(project)
    with pytest.raises(ConfigError, match="a teacher is needed"):
        synth(workspace, ("team",), workspace.settings(["rows=4"]))
    with pytest.raises(ConfigError, match="a teacher is needed"):
        augment(workspace, ("team",), workspace.settings([]))  # typos are made only where they are named
    settings = workspace.settings(["augmentations=[typos,paraphrase]"])
    (made,) = augment(workspace, ("team",), settings)
    assert {candidate.origin.kind for candidate in made.candidates} == {"typos"}
    (gated,) = gate(workspace, ("team",), settings)
    assert gated.manifest.counts.kept > 0
    assert gated.manifest.counts.balanced


def test_no_dev_or_test_row_is_augmented(project: Path) -> None:
    workspace = Workspace.open(project)
    (made,) = augment(workspace, ("team",), workspace.settings(["augmentations=typos", "augmented_share=5"]))
    splits = frozen(project).splits
    own = {name: {row.id for row in rows if row in team_rows(120)} for name, rows in splits.items()}
    parents = {parent for candidate in made.candidates for parent in candidate.origin.parents}
    assert own["dev"] and own["test"] and len(parents) > len(own["train"]) / 2
    assert parents <= own["train"]


def test_a_task_without_any_rows_is_built_from_documents_and_the_task_alone(tmp_path: Path, served: Served) -> None:
    folder = write_project(tmp_path / "new", [])
    (folder / "documents").mkdir()
    (folder / "documents" / "office.md").write_text(DOCUMENT, encoding="utf-8", newline="\n")
    one = built(folder, "rows=40")
    assert set(one.dataset.splits) == {"train", "dev", "test"}
    place = folder / "artifacts" / "datasets" / "team" / one.dataset.manifest.id
    manifest = read_record(place / "manifest.json", DatasetManifest)
    assert manifest.generated is not None and manifest.generated.rows["test"] == len(one.dataset.splits["test"])


def test_the_same_rows_come_out_whatever_the_order_of_answers(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = set()
    for concurrency in (1, 8):
        with scripted_teacher(Script(faults=0.2, kinds=("limit", "server_error", "cut"))) as served:
            monkeypatch.setenv("OPENAI_BASE_URL", served.url)
            ids.add(_fresh(project, tmp_path / str(concurrency), f"concurrency={concurrency}", "attempts=12", "rows=4"))
    assert len(ids) == 1


def _fresh(project: Path, folder: Path, *more: str) -> str:
    write_project(folder, team_rows(120))
    (folder / "documents").mkdir()
    (folder / "documents" / "office.md").write_bytes((project / "documents" / "office.md").read_bytes())
    return built(folder, *more).dataset.manifest.id


@pytest.mark.parametrize("kinds", [("wrong_language",), ("not_json",), ("half_json",), ("garbage", "cut", "server_error")])
def test_a_teacher_that_answers_nonsense_gives_counted_failures_and_never_a_traceback(
    project: Path, kinds: Sequence[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with scripted_teacher(Script(faults=1.0, kinds=tuple(kinds))) as served:
        monkeypatch.setenv("OPENAI_BASE_URL", served.url)
        with pytest.raises(AnyTaskTuneError) as caught:
            built(project, "attempts=2", "rows=4")
    assert caught.value.problems


def test_a_misspelt_setting_of_build_yaml_is_told_with_its_line(project: Path) -> None:
    (project / "settings.yaml").write_text("schema_version: 1\nsynthesis:\n  row: 3\n", encoding="utf-8")
    with pytest.raises(ConfigError, match="row") as caught:
        Workspace.open(project).settings()
    assert "settings.yaml:3" in str(caught.value)


def test_dropped_candidates_are_kept_with_their_reasons(project: Path, served: Served) -> None:
    one = built(project, "leak=0.01")
    folder = project / "artifacts" / "gated" / "team" / one.gated.manifest.id
    dropped = (folder / "dropped.jsonl").read_text(encoding="utf-8").splitlines()
    verdicts = [json.loads(line) for line in (folder / "verdicts.jsonl").read_text(encoding="utf-8").splitlines()]
    assert len(dropped) == sum(one.gated.manifest.counts.dropped.values())
    assert all(verdict["gate"] for verdict in verdicts)


def test_what_it_would_cost_is_told_without_asking_anybody(project: Path, served: Served) -> None:
    workspace = Workspace.open(project)
    prices = ("price_in=1", "price_out=2", "feasibility_rows=10")
    found = forecast_build(workspace, ("team",), workspace.settings([*NAMED, *prices]))["team"]
    assert served.bodies == []
    assert found.likely_cost is not None and found.most_cost is not None and 0 < found.likely_cost < found.most_cost
    one = built(project, *prices, "despite_feasibility=true")
    made = one.dataset.manifest.generated
    assert made is not None and made.usage.cost is not None and made.usage.cost < found.most_cost


def test_tuning_builds_first_where_a_teacher_is_named_and_the_report_says_who_wrote_the_test_rows(
    tmp_path: Path, tiny_model: Path, served: Served
) -> None:
    folder = write_project(tmp_path / "firm", team_rows(40))
    report = tune(Workspace.open(folder), (), quick_settings(tiny_model, *NAMED))
    (found,) = report.tasks
    assert 0 < found.generated_rows < found.test_rows
    assert "generated_test_rows" in {caveat.code for caveat in found.caveats}
