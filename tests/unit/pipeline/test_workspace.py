"""A project is opened: domain, settings and tasks."""

from pathlib import Path

import pytest
from tests.tiny_project import DOMAIN, write_project

from anytasktune.errors import ConfigError
from anytasktune.pipeline import Settings, Workspace
from anytasktune.pipeline.initializing import init_project
from anytasktune.settings import TrainConfig


def test_settings_yaml_goes_before_the_defaults_and_assignments_before_both(tmp_path: Path) -> None:
    project = write_project(tmp_path / "law")
    assert Workspace.open(project).settings() == Settings()
    (project / "settings.yaml").write_text("train:\n  epochs: 5\n  rank: 4\n", encoding="utf-8")
    train = Workspace.open(project).settings(["rank=2"]).train
    assert (train.epochs, train.rank, train.batch_size) == (5, 2, TrainConfig().batch_size)


def test_a_wrong_settings_yaml_is_told_with_its_line(tmp_path: Path) -> None:
    project = write_project(tmp_path / "law")
    (project / "settings.yaml").write_text("# my settings\ntrain:\n  epoch: 5\n", encoding="utf-8")
    with pytest.raises(ConfigError, match=r"settings\.yaml:3: train\.epoch: there is no such field → did you mean 'epochs'\?"):
        Workspace.open(project).settings()


@pytest.mark.parametrize(
    ("content", "line"),
    [
        (("# 律所\n" + DOMAIN).encode("gbk"), 1),
        (DOMAIN.encode() + "# 律所".encode("gb18030"), 10),
        (DOMAIN.encode("utf-16"), 1),
        (bytes(range(256)), 2),
    ],
)
def test_a_domain_in_another_encoding_is_named_with_its_line(tmp_path: Path, content: bytes, line: int) -> None:
    (tmp_path / "domain.yaml").write_bytes(content)
    with pytest.raises(ConfigError, match="not UTF-8 text") as caught:
        Workspace.open(tmp_path)
    assert caught.value.problems[0].where == f"domain.yaml:{line}"


def test_a_byte_order_mark_and_windows_line_ends_do_no_harm(tmp_path: Path) -> None:
    (tmp_path / "domain.yaml").write_bytes(b"\xef\xbb\xbf" + DOMAIN.replace("\n", "\r\n").encode())
    assert [task.name for task in Workspace.open(tmp_path).tasks()] == ["team"]


def test_tasks_come_in_the_order_of_the_pool_whatever_order_they_are_asked_in(tmp_path: Path) -> None:
    init_project(tmp_path / "demo", pack="demo")
    workspace = Workspace.open(tmp_path / "demo")
    names = [task.name for task in workspace.tasks(["legal_keywords", "matter_routing"])]
    assert names == ["matter_routing", "legal_keywords"]
    with pytest.raises(ConfigError, match="did you mean 'legal_keywords'"):
        workspace.tasks(["legal_keyword"])


def test_an_empty_pool_says_how_to_fill_it(tmp_path: Path) -> None:
    init_project(tmp_path / "empty")
    with pytest.raises(ConfigError, match="the Task Pool is empty") as caught:
        Workspace.open(tmp_path / "empty").tasks()
    assert "anytasktune import FOLDER" in caught.value.problems[0].fix


def test_an_unknown_pack_is_told_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="there is no pack 'dmo'") as caught:
        init_project(tmp_path / "law", pack="dmo")
    assert caught.value.problems[0].fix == "did you mean 'demo'?"


def test_names_of_tasks_with_a_comma_between_are_to_be_separated(tmp_path: Path) -> None:
    second = DOMAIN.split("tasks:\n")[1].replace("name: team  ", "name: second")
    workspace = Workspace.open(write_project(tmp_path / "law", domain=DOMAIN + second))
    for written in ("team,second", "team，second", "team、 second"):
        with pytest.raises(ConfigError) as caught:
            workspace.tasks([written])
        assert caught.value.problems[0].fix == "separate names by spaces: team second"
    with pytest.raises(ConfigError, match="did you mean 'team'"):
        workspace.tasks(["team,third"])


def test_a_project_is_found_by_its_domain_file_and_one_nearby_is_named(tmp_path: Path) -> None:
    project = write_project(tmp_path / "law firm")
    assert Workspace.open(project / "domain.yaml").project.root == project.resolve()
    for beside in (tmp_path, project / "data"):
        with pytest.raises(ConfigError) as caught:
            Workspace.open(beside)
        assert caught.value.problems[0].fix == f'add -p "{project.resolve()}": there is one'
