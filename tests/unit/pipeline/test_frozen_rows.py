"""Seeds become a data set that is named by its content and made only once."""

import shutil
from pathlib import Path

import pytest
from tests.tiny_project import DOMAIN, team_rows, write_lines, write_project, write_rows
from tests.unit.pipeline.recording import Recording

from anytasktune.datasets import FrozenDataset
from anytasktune.errors import ConfigError, DataError, StoreError
from anytasktune.pipeline import Workspace, frozen_dataset
from anytasktune.pipeline.dataset_views import versions
from anytasktune.schema import Example
from anytasktune.settings import SplitConfig


def frozen(project: Path, config: SplitConfig | None = None, on_event: Recording | None = None) -> FrozenDataset:
    workspace = Workspace.open(project)
    return frozen_dataset(workspace, workspace.domain.task("team"), config or SplitConfig(), on_event)


def times(project: Path) -> dict[Path, int]:
    return {path: path.stat().st_mtime_ns for path in (project / "artifacts").rglob("*") if path.is_file()}


def test_the_same_seeds_give_the_same_data_set_in_any_folder(tmp_path: Path) -> None:
    first = frozen(write_project(tmp_path / "a"))
    second = frozen(write_project(tmp_path / "b", rows=team_rows()[::-1]))
    assert first.manifest.id == second.manifest.id
    assert first.splits == second.splits
    assert {name: info.rows for name, info in first.manifest.splits.items()} == {"train": 21, "dev": 3, "test": 6}


def test_what_has_not_changed_is_found_and_not_made_again(tmp_path: Path) -> None:
    project, events = write_project(tmp_path / "law"), Recording()
    made = frozen(project, on_event=events)
    before = times(project)
    assert frozen(project, on_event=events) == made
    assert (events.made, events.reused) == (["data team"], ["data team"])
    assert times(project) == before


def test_changed_seeds_give_another_data_set_and_the_old_one_stays(tmp_path: Path) -> None:
    project = write_project(tmp_path / "law")
    old = frozen(project)
    write_rows(project / "data" / "team.jsonl", team_rows(31))
    new = frozen(project)
    assert new.manifest.id != old.manifest.id
    assert (project / "artifacts" / "datasets" / "team" / old.manifest.id).exists()
    write_rows(project / "data" / "team.jsonl", team_rows(30))
    events = Recording()
    assert frozen(project, on_event=events) == old
    assert events.reused == ["data team"]


def test_other_shares_or_another_seed_divide_anew(tmp_path: Path) -> None:
    project = write_project(tmp_path / "law")
    ids = {frozen(project, config).manifest.id for config in (SplitConfig(), SplitConfig(test=0.4), SplitConfig(seed=1))}
    assert len(ids) == 3


def test_another_split_than_in_the_last_command_is_noted_once(tmp_path: Path) -> None:
    project, events = write_project(tmp_path / "law"), Recording()
    for config in (SplitConfig(), SplitConfig(test=0.4, seed=1), SplitConfig(test=0.4, seed=1), SplitConfig()):
        frozen(project, config, events)
    changes = [note.split("last command, ")[1].split(";")[0] for note in events.notes]
    assert changes == ["split.test 0.4 (was 0.2), split.seed 1 (was 0)", "split.test 0.2 (was 0.4), split.seed 0 (was 1)"]
    write_rows(project / "data" / "team.jsonl", team_rows(31))
    frozen(project, SplitConfig(), events)
    assert len(events.notes) == 2


def test_a_changed_list_of_labels_is_applied_to_the_rows(tmp_path: Path) -> None:
    project, events = write_project(tmp_path / "law"), Recording()
    frozen(project)
    (project / "domain.yaml").write_text(DOMAIN.replace("family, work]", "family]"), encoding="utf-8")
    dataset = frozen(project, on_event=events)
    assert dataset.manifest.counts.dropped == {"unknown_label": 10}
    assert {row.output for rows in dataset.splits.values() for row in rows} == {"housing", "family"}


def test_a_changed_instruction_leaves_the_data_set_as_it_is(tmp_path: Path) -> None:
    project, events = write_project(tmp_path / "law"), Recording()
    frozen(project)
    (project / "domain.yaml").write_text(DOMAIN.replace("Which team takes it?", "Who takes it?"), encoding="utf-8")
    frozen(project, on_event=events)
    assert events.reused == ["data team"]


def test_dropped_rows_are_counted_with_their_place_every_time(tmp_path: Path) -> None:
    project = write_project(tmp_path / "law")
    clean = frozen(project)
    lines = [row.model_dump_json() for row in team_rows()]
    write_lines(project / "data" / "team.jsonl", [*lines[:4], "not json", *lines[4:], '{"input": "x", "output": "tax"}'])
    for built in (1, 0):
        events = Recording()
        dataset = frozen(project, on_event=events)
        assert len(events.made) == built
        assert dataset.manifest.id == clean.manifest.id
        assert str(dataset.manifest.counts) == "read 32, kept 30, dropped 2 (1 bad_json, 1 unknown_label)"
        (finished,) = events.finished
        assert [example.split(": ")[0] for example in finished.examples] == ["data/team.jsonl:5", "data/team.jsonl:32"]
        assert finished.dropped == {"bad_json": 1, "unknown_label": 1}


def test_rows_of_train_and_dev_that_stand_in_test_are_dropped_and_counted(tmp_path: Path) -> None:
    project, events = write_project(tmp_path / "law", rows=[]), Recording()
    for split, start, count in (("train", 0, 20), ("dev", 20, 5), ("test", 18, 4)):
        write_rows(project / "data" / "team" / f"{split}.jsonl", team_rows(count, start))
    dataset = frozen(project, on_event=events)
    assert {split: len(rows) for split, rows in dataset.splits.items()} == {"train": 18, "dev": 3, "test": 4}
    assert dataset.manifest.counts.dropped == {"leaks_into_test": 4}
    assert dataset.manifest.counts.read == 29
    places = [f"data/team/{place}" for place in ("train.jsonl:19", "train.jsonl:20", "dev.jsonl:1", "dev.jsonl:2")]
    assert [example.split(": ")[0] for example in events.finished[0].examples] == places
    assert dataset.manifest.split_by == "given"
    assert frozen(project).manifest.counts == dataset.manifest.counts


def test_a_data_set_that_was_tampered_with_is_refused(tmp_path: Path) -> None:
    project = write_project(tmp_path / "law")
    made = frozen(project)
    path = project / "artifacts" / "datasets" / "team" / made.manifest.id / "test.jsonl"
    path.write_bytes(path.read_bytes().replace(b"housing", b"family"))
    with pytest.raises(StoreError, match="does not match"):
        frozen(project)


def test_a_version_that_a_killed_command_left_half_made_is_none(tmp_path: Path) -> None:
    project = write_project(tmp_path / "law")
    made = frozen(project)
    folder = project / "artifacts" / "datasets" / "team"
    shutil.copytree(folder / made.manifest.id, folder / f".{made.manifest.id}.0badcafe")
    workspace = Workspace.open(project)
    assert [version.id for version in versions(workspace, workspace.domain.tasks[0])] == [made.manifest.id]


def test_the_data_set_is_made_anew_when_its_folder_was_deleted(tmp_path: Path) -> None:
    project, events = write_project(tmp_path / "law"), Recording()
    made = frozen(project)
    shutil.rmtree(project / "artifacts" / "datasets" / "team" / made.manifest.id)
    assert frozen(project, on_event=events) == made
    assert events.made == ["data team"]


def test_rows_that_are_missing_or_in_two_forms_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="has no rows yet"):
        frozen(write_project(tmp_path / "none", rows=[]))
    both = write_project(tmp_path / "both")
    write_rows(both / "data" / "team" / "train.jsonl", team_rows(3))
    with pytest.raises(DataError, match="rows in two forms"):
        frozen(both)


def test_a_folder_in_the_place_of_the_rows_is_refused(tmp_path: Path) -> None:
    project = write_project(tmp_path / "law", rows=[])
    (project / "data" / "team.jsonl").mkdir(parents=True)
    with pytest.raises(DataError, match=r"team\.jsonl"):
        frozen(project)


def test_a_schema_that_is_none_points_at_the_domain(tmp_path: Path) -> None:
    broken = DOMAIN.replace("kind: label, labels: [housing, family, work]", "kind: json, json_schema: {type: objct}")
    project = write_project(tmp_path / "law", [Example(input="x", output="{}")], broken)
    with pytest.raises(ConfigError, match="no JSON Schema") as caught:
        frozen(project)
    assert caught.value.problems[0].where == "domain.yaml:9"
