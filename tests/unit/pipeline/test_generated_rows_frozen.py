"""Rows a teacher made become part of a task's data set, and can be walked back to their source."""

import shutil
from collections import Counter
from pathlib import Path

import pytest
from tests.made_project import DOCUMENTS, made_rows, passages, write_made
from tests.tiny_project import team_rows, write_project, write_rows
from tests.unit.pipeline.recording import Recording
from tests.unit.pipeline.test_frozen_rows import frozen

from anytasktune.datasets import FrozenDataset, load_dataset
from anytasktune.errors import DataError, StoreError
from anytasktune.schema import Review, Seal
from anytasktune.store import append_line, read_record, read_ref


def rows_made(dataset: FrozenDataset) -> dict[str, int]:
    assert dataset.manifest.generated is not None
    return dict(sorted(dataset.manifest.generated.rows.items()))


def given_splits(folder: Path) -> Path:
    project = write_project(folder, rows=[])
    for split, start, count in (("train", 0, 20), ("dev", 100, 10), ("test", 200, 20)):
        write_rows(project / "data" / "team" / f"{split}.jsonl", team_rows(count, start))
    return project


def say(project: Path, decision: str, candidate: str, reviewer: str = "ann", **texts: str) -> None:
    path = project / "reviews" / "team" / f"{reviewer}.jsonl"
    append_line(path, Review(reviewer=reviewer, decision=decision, candidate=candidate, **texts))  # type: ignore[arg-type]


def test_made_rows_join_train_where_the_task_has_enough_rows_to_be_judged_on(tmp_path: Path) -> None:
    project = given_splits(tmp_path / "law")
    plain = frozen(project)
    write_made(project)
    dataset = frozen(project)
    assert dataset.manifest.id != plain.manifest.id
    assert {name: len(rows) for name, rows in dataset.splits.items()} == {"train": 60, "dev": 10, "test": 20}
    assert dataset.splits["test"] == plain.splits["test"]
    assert rows_made(dataset) == {"train": 40}
    assert (dataset.manifest.generated_in("train"), dataset.manifest.generated_in("test")) == (40, 0)
    assert dataset.manifest.counts == plain.manifest.counts


def test_with_few_own_rows_made_ones_are_divided_too_document_by_document(tmp_path: Path) -> None:
    project = write_project(tmp_path / "law")
    write_made(project, made_rows(60))
    dataset = frozen(project)
    sealed = read_record(next((project / "artifacts" / "seals").glob("*.json")), Seal).documents["team"]
    assert Counter(sealed.values()) == {"train": 7, "dev": 1, "test": 2}
    assert rows_made(dataset) == {"dev": 6, "test": 12, "train": 42}
    assert dataset.manifest.generated is not None and dataset.manifest.generated.split_by == "document"
    for line in dataset.lineage:
        if line.origin.span:
            assert line.split == sealed[line.origin.span.document]


def test_a_task_without_any_seeds_has_a_data_set_of_made_rows(tmp_path: Path) -> None:
    project = write_project(tmp_path / "law", rows=[])
    write_made(project)
    dataset = frozen(project)
    assert rows_made(dataset) == {"dev": 4, "test": 8, "train": 28}
    assert dataset.manifest.counts.read == 0
    assert frozen(project) == dataset


def test_seeds_too_few_to_be_divided_are_train_rows_beside_made_ones(tmp_path: Path) -> None:
    project = write_project(tmp_path / "law", rows=team_rows(4))
    with pytest.raises(DataError, match="too few"):
        frozen(project)
    write_made(project)
    dataset = frozen(project)
    assert {row.id for row in team_rows(4)} <= {row.id for row in dataset.splits["train"]}
    assert dataset.manifest.generated_in("test") == len(dataset.splits["test"]) > 0


def test_a_made_row_is_walked_back_to_the_words_of_its_source(tmp_path: Path) -> None:
    project = write_project(tmp_path / "law")
    gated = write_made(project)
    dataset = frozen(project)
    texts = {passage.id: passage for passage in passages()}
    assert len(dataset.lineage) == 40
    for line in dataset.lineage:
        passage = texts[line.origin.passage or ""]
        assert line.origin.span is not None and line.origin.span.document in DOCUMENTS
        assert line.quote == passage.text[:20]
        assert (line.page, line.heading, line.gated) == (passage.page, passage.heading, gated)
        assert line.example in {row.id for row in dataset.splits[line.split]}


def test_it_is_found_again_loaded_the_same_and_a_changed_lineage_is_refused(tmp_path: Path) -> None:
    project, events = write_project(tmp_path / "law"), Recording()
    write_made(project)
    made = frozen(project, on_event=events)
    assert frozen(project, on_event=events) == made
    assert (events.made, events.reused) == (["data team"], ["data team"])
    folder = project / "artifacts" / "datasets" / "team" / made.manifest.id
    assert load_dataset(folder) == made
    path = folder / "lineage.jsonl"
    path.write_bytes(path.read_bytes().replace(b"tiny-teacher", b"tall-teacher"))
    with pytest.raises(StoreError, match=r"lineage\.jsonl"):
        load_dataset(folder)


def test_generated_rows_whose_candidates_were_deleted_are_missed(tmp_path: Path) -> None:
    project, events = write_project(tmp_path / "law"), Recording()
    identity = write_made(project)
    shutil.rmtree(project / "artifacts" / "gated" / "team" / identity)
    assert not frozen(project, on_event=events).lineage
    assert "generated rows are not used: the gated candidates were deleted" in events.notes[0]


def test_equal_rows_in_another_folder_give_the_same_data_set_in_every_byte(tmp_path: Path) -> None:
    folders = [write_project(tmp_path / name) for name in "ab"]
    for project in folders:
        write_made(project)
    ids = {frozen(project).manifest.id for project in folders}
    assert len(ids) == 1
    files = []
    for project in folders:
        folder = project / "artifacts" / "datasets" / "team" / next(iter(ids))
        files.append({path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()})
    assert files[0] == files[1]


def test_counts_balance_and_people_can_reject_edit_and_take_back(tmp_path: Path) -> None:
    project = given_splits(tmp_path / "law")
    kept, dropped = made_rows(12), made_rows(3, 5000)
    leaking = kept[5].model_copy(update={"input": team_rows(1, 200)[0].input})
    write_made(project, [*kept[:5], leaking, *kept[6:]], dropped)
    say(project, "reject", kept[0].id)
    say(project, "accept", kept[1].id)
    say(project, "accept", kept[1].id, reviewer="bob")
    say(project, "edit", kept[2].id, input="a text written by hand", output="work")
    say(project, "accept", dropped[0].id)
    dataset = frozen(project)
    made = dataset.manifest.generated
    assert made is not None
    assert made.counts.balanced
    assert made.counts.planned == 16
    assert made.counts.dropped == {"near_duplicate": 2, "rejected": 1, "leaks_into_test": 1}
    assert made.counts.kept == 11 == made.rows["train"]
    lines = {line.candidate: line for line in dataset.lineage}
    assert lines[kept[1].id].decision == "accepted"
    assert lines[kept[1].id].reviewers == ("ann", "bob")
    assert lines[kept[2].id].decision == "edited"
    assert lines[kept[2].id].example != kept[2].id
    assert lines[kept[3].id].decision == "unseen"
    assert lines[dropped[0].id].overruled == "near_duplicate"
    assert made.decisions == {"rejected": 1, "accepted": 1, "edited": 1, "unseen": 9}


def test_a_new_review_gives_a_new_data_set(tmp_path: Path) -> None:
    project = write_project(tmp_path / "law")
    write_made(project)
    before = frozen(project)
    say(project, "reject", made_rows()[3].id)
    after = frozen(project)
    assert after.manifest.id != before.manifest.id
    assert read_ref(project / "artifacts" / "datasets" / "team") == after.manifest.id


def test_rows_made_under_a_seal_that_left_test_rows_open_are_not_used_and_that_is_said(tmp_path: Path) -> None:
    project = given_splits(tmp_path / "law")
    plain = frozen(project)
    write_made(project)
    test_file = project / "data" / "team" / "test.jsonl"
    write_rows(test_file, team_rows(22, 200))
    events = Recording()
    dataset = frozen(project, on_event=events)
    assert dataset.manifest.generated is None
    assert "2 of the 22 test rows were not sealed" in events.notes[0]
    write_rows(test_file, team_rows(20, 200))
    assert frozen(project).manifest.generated is not None
    write_rows(test_file, team_rows(19, 200))  # fewer are all known to the seal
    assert frozen(project).manifest.generated is not None
    shutil.rmtree(project / "artifacts" / "seals")
    write_rows(test_file, team_rows(20, 200))
    gone = Recording()
    assert frozen(project, on_event=gone).manifest.id == plain.manifest.id
    assert "the candidates behind them do not exist any more" in gone.notes[0]


def test_the_card_lies_in_the_data_sets_folder_and_names_licences_beside_the_documents(tmp_path: Path) -> None:
    project = write_project(tmp_path / "law")
    for name, text in (("documents/LICENSES/firm.txt", "CC0"), ("documents/README.md", "License: CC0"), ("LICENSE", "ours")):
        (project / name).parent.mkdir(parents=True, exist_ok=True)
        (project / name).write_text(text, encoding="utf-8")
    write_made(project)
    say(project, "accept", made_rows()[0].id)
    dataset = frozen(project)
    folder = project / "artifacts" / "datasets" / "team" / dataset.manifest.id
    card = (folder / "CARD.md").read_text(encoding="utf-8")
    assert "see `LICENSES/`, `README.md` beside the documents" in card
    assert "1 accepted" in card
    assert "split by document, as sealed" in card
    assert (folder / "CARD.zh.md").exists() and (folder / "plots" / "labels.svg").exists()
