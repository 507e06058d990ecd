"""Data sets that are named by their content."""

import random
from pathlib import Path

import pytest

from anytasktune.datasets import FrozenDataset, freeze, load_dataset, save_dataset
from anytasktune.errors import StoreError
from anytasktune.ids import file_hash
from anytasktune.outputs import TextOutput
from anytasktune.schema import Example, RowCounts, SplitName, Task
from anytasktune.settings import SplitConfig

ROWS = [
    Example(input=f"第{number}句\u2028 话", output="ab"[number // 20], language="zh" if number % 2 else None)
    for number in range(40)
]
COUNTS = RowCounts(read=41, kept=40, dropped={"duplicate": 1})


def task(name: str = "some_task") -> Task:
    return Task(name=name, instruction={"zh": "改写。"}, output=TextOutput(kind="text"))


def frozen(rows: list[Example], name: str = "some_task", seed: int = 0) -> FrozenDataset:
    splits: dict[SplitName, list[Example]] = {"train": rows[:-5], "test": rows[-5:]}
    config = SplitConfig(seed=seed)
    sources = {"rows.jsonl": "0" * 64}
    return freeze(task(name), splits, counts=COUNTS, sources=sources, split_by="given", config=config, code_version="1")


def test_a_saved_data_set_is_loaded_the_same(tmp_path: Path) -> None:
    made = frozen(ROWS)
    save_dataset(made, tmp_path / "set")
    assert load_dataset(tmp_path / "set") == made
    assert sorted(path.name for path in tmp_path.rglob("*.json*")) == ["manifest.json", "test.jsonl", "train.jsonl"]


def test_a_splits_hash_is_that_of_its_file(tmp_path: Path) -> None:
    made = frozen(ROWS)
    save_dataset(made, tmp_path / "set")
    for name, info in made.manifest.splits.items():
        assert file_hash(tmp_path / "set" / f"{name}.jsonl") == info.sha256
        assert info.rows == len(made.splits[name])


def test_the_id_follows_the_task_and_the_rows_and_not_their_order() -> None:
    shuffled = [*random.Random(1).sample(ROWS[:-5], 35), *ROWS[-5:]]
    assert frozen(shuffled) == frozen(ROWS)
    others = [frozen(ROWS, name="other_task"), frozen(ROWS[1:]), frozen([*ROWS[1:-5], ROWS[-1], *ROWS[-5:-1], ROWS[0]])]
    assert len({made.manifest.id for made in [frozen(ROWS), *others]}) == 4


def test_training_rows_are_in_a_seeded_order_and_not_sorted_by_output() -> None:
    outputs = [example.output for example in frozen(ROWS).splits["train"]]
    assert outputs not in (sorted(outputs), sorted(outputs, reverse=True))
    assert frozen(ROWS, seed=1).splits["train"] != frozen(ROWS).splits["train"]


def test_a_changed_or_missing_file_is_named(tmp_path: Path) -> None:
    folder = tmp_path / "set"
    save_dataset(frozen(ROWS), folder)
    path = folder / "train.jsonl"
    path.write_bytes(path.read_bytes().replace(b'"a"', b'"b"', 1))
    with pytest.raises(StoreError, match=r"train\.jsonl: the content does not match"):
        load_dataset(folder)
    path.write_bytes(b"\xff")
    with pytest.raises(StoreError, match=r"train\.jsonl: the content does not match"):
        load_dataset(folder)
    path.unlink()
    with pytest.raises(StoreError, match=r"train\.jsonl: the file is missing"):
        load_dataset(folder)
    (folder / "manifest.json").write_text("{}", encoding="utf-8")
    with pytest.raises(StoreError, match=r"manifest\.json"):
        load_dataset(folder)


def test_saving_twice_changes_nothing(tmp_path: Path) -> None:
    for _ in range(2):
        save_dataset(frozen(ROWS), tmp_path / "set")
    assert [path.name for path in tmp_path.iterdir()] == ["set"]
