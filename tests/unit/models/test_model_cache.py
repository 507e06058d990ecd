"""Where models are kept, and how they get there."""

from pathlib import Path

import platformdirs
import pytest

from anytasktune.errors import StoreError
from anytasktune.models.cache import cache_root, draft_beside, publish_folder, storing


def has_config(folder: Path) -> bool:
    return (folder / "config.json").is_file()


def write_config(folder: Path, text: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(text, encoding="utf-8")


def test_the_cache_is_where_the_variable_says_and_else_where_the_system_keeps_caches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANYTASKTUNE_CACHE", "~/模型")
    assert cache_root() == Path.home() / "模型"
    monkeypatch.setenv("ANYTASKTUNE_CACHE", " ")
    assert cache_root() == Path(platformdirs.user_cache_dir("anytasktune"))


def test_a_draft_becomes_the_folder_only_when_published(tmp_path: Path) -> None:
    target = tmp_path / "models" / "one"
    with draft_beside(target) as draft:
        write_config(draft, "mine")
        assert not target.exists()
        publish_folder(draft, target, has_config)
    assert [path.name for path in target.parent.iterdir()] == ["one"]
    assert (target / "config.json").read_text(encoding="utf-8") == "mine"


def test_a_draft_is_gone_when_its_maker_fails_or_is_interrupted(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), draft_beside(tmp_path / "one") as draft:
        write_config(draft, "half")
        raise KeyboardInterrupt
    assert list(tmp_path.iterdir()) == []


def test_of_two_processes_making_the_same_folder_the_first_one_wins(tmp_path: Path) -> None:
    target = tmp_path / "one"
    with draft_beside(target) as draft:
        write_config(draft, "second")
        write_config(target, "first")
        publish_folder(draft, target, has_config)
    assert (target / "config.json").read_text(encoding="utf-8") == "first"
    assert [path.name for path in tmp_path.iterdir()] == ["one"]


def test_something_damaged_in_its_place_is_replaced(tmp_path: Path) -> None:
    target = tmp_path / "one"
    (target / "rest").mkdir(parents=True)
    with draft_beside(target) as draft:
        write_config(draft, "whole")
        publish_folder(draft, target, has_config)
    assert [path.name for path in target.iterdir()] == ["config.json"]


def test_any_failure_to_write_names_the_place_and_the_setting(tmp_path: Path) -> None:
    with pytest.raises(StoreError) as failure, storing(tmp_path):
        raise OSError(28, "No space left on device")
    [problem] = failure.value.problems
    assert problem.what == "a model cannot be stored: No space left on device"
    assert problem.where == str(tmp_path)
    assert "ANYTASKTUNE_CACHE" in problem.fix


def test_an_error_that_already_explains_itself_is_not_wrapped_again(tmp_path: Path) -> None:
    inner = StoreError("full", where="there")
    with pytest.raises(StoreError) as failure, storing(tmp_path):
        raise inner
    assert failure.value is inner
