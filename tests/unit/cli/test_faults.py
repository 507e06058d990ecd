"""Full disks, files in the way, damaged artefacts, Ctrl-C, models that are not there."""

import _thread
import json
import shutil
import threading
import time
from pathlib import Path

import pytest
from tests.bit_flips import flip_bit
from tests.limits import files_up_to
from tests.unit.cli.conftest import Ended, Run

LONG = ("epochs=12", "batch_size=4", "patience=1000", "checkpoint_seconds=0")


def leftovers(folder: Path) -> list[str]:
    return [path.name for path in folder.rglob(".*") if path.name != ".gitignore"]


def test_rows_that_do_not_fit_on_the_disk_leave_the_old_ones(run: Run, project: Path) -> None:
    seeds = project / "data" / "team.jsonl"
    before = seeds.read_bytes()
    more = Path("more.jsonl")
    more.write_text("".join(f'{{"input": "{n} {"x" * 200}", "output": "work"}}\n' for n in range(99)), encoding="utf-8")
    with files_up_to(10_000):
        ended = run("import", more, "-t", "team", "-p", project, "--append")
    assert ended.code == 1
    assert "cannot write" in ended.err
    assert "files may not get that large" in ended.err
    assert seeds.read_bytes() == before
    assert leftovers(project) == []


def test_an_adapter_that_does_not_fit_leaves_nothing_half_written_and_training_goes_on_later(
    run: Run, project: Path, quick: list[str]
) -> None:
    with files_up_to(20_000):
        ended = run("train", "-p", project, *quick, "-c", "rank=32")
    assert ended.code == 1
    assert "adapter: cannot write" in ended.err
    assert leftovers(project) == []
    assert not list(project.rglob("run.json"))
    assert run("train", "-p", project, *quick, "-c", "rank=32").code == 0


@pytest.mark.parametrize("place", ["artifacts", "artifacts/runs", "artifacts/predictions", "artifacts/reports"])
def test_a_file_where_a_folder_belongs_is_named(run: Run, project: Path, quick: list[str], place: str) -> None:
    blocked = project / place
    blocked.parent.mkdir(exist_ok=True)
    blocked.write_text("mine", encoding="utf-8")
    ended = run("tune", "-p", project, *quick)
    assert ended.code == 1
    assert f"{blocked.resolve()} is a file and must be a folder: move it away" in ended.err
    assert blocked.read_text(encoding="utf-8") == "mine"
    blocked.unlink()
    assert run("tune", "-p", project, *quick).code == 0


def test_a_folder_where_the_rows_belong_is_named(run: Run, project: Path, quick: list[str]) -> None:
    seeds = project / "data" / "team.jsonl"
    seeds.unlink()
    seeds.mkdir()
    ended = run("train", "-p", project, *quick)
    assert ended.code == 1
    assert "team.jsonl" in ended.err


@pytest.mark.parametrize("name", ["test.jsonl", "manifest.json", "SHA256SUMS", "CARD.md"])
def test_a_damaged_data_set_is_named_and_never_used(run: Run, tuned: Path, quick: list[str], name: str) -> None:
    (path,) = (tuned / "artifacts").glob(f"datasets/team/*/{name}")
    flip_bit(path, 99)
    ended = run("tune", "-p", tuned, *quick)
    assert ended.code == 1
    assert name in ended.err
    assert f"delete its folder {path.parent.name}" in ended.err
    shutil.rmtree(path.parent)
    assert run("tune", "-p", tuned, *quick).code == 0


@pytest.mark.parametrize(
    "pattern",
    [
        "runs/team/*/run.json",
        "runs/team/*/adapter/adapter_model.safetensors",
        "runs/team/*/adapter/adapter_config.json",
        "predictions/team/*.json",
        "reports/*/report.json",
    ],
)
@pytest.mark.parametrize("place", [77, 10**9])
def test_what_can_be_made_again_is_named_and_made_anew(
    run: Run, tuned: Path, quick: list[str], pattern: str, place: int
) -> None:
    (report,) = (tuned / "artifacts").glob("reports/*/report.json")
    before = report.read_bytes()
    for path in (tuned / "artifacts").glob(pattern):
        flip_bit(path, place)
    ended = run("tune", "-p", tuned, *quick)
    assert ended.code == 0
    assert "does not match its checksum" in ended.err
    assert run("report", "-p", tuned).code == 0
    if pattern.startswith("runs"):  # a report that is written anew has another time
        assert report.read_bytes() == before


def test_a_damaged_report_is_named(run: Run, tuned: Path) -> None:
    (report,) = (tuned / "artifacts").glob("reports/*/report.json")
    report.write_bytes(b"\xff")
    ended = run("report", "-p", tuned)
    assert ended.code == 1
    assert str(report.resolve()) in ended.err


@pytest.mark.parametrize("rubbish", [b"", b"\xff\x00\xfe", b"../../..", b"x" * 5000])
def test_a_damaged_reference_is_named_and_can_be_deleted(run: Run, tuned: Path, quick: list[str], rubbish: bytes) -> None:
    latest = tuned / "artifacts" / "runs" / "team" / "latest"
    latest.write_bytes(rubbish)
    ended = run("eval", "-p", tuned)
    assert ended.code == 1
    assert str(latest.resolve()) in ended.err
    latest.unlink()
    assert "train it first" in run("eval", "-p", tuned).err
    assert run("train", "-p", tuned, *quick).code == 0
    assert run("eval", "-p", tuned).code == 0


def test_a_model_that_is_not_there_is_told_what_names_are_possible(run: Run, project: Path, tiny_model: Path) -> None:
    missing = run("check", "-p", project, "-c", f"model={tiny_model.parent / 'tinny'}")
    assert missing.code == 1
    assert "did you mean" in missing.err
    unknown = run("check", "-p", project, "-c", "model=nonesuch")
    assert unknown.code == 1
    assert "no model is called 'nonesuch'" in unknown.err
    wrong = run("check", "-p", project, "-c", f"model={project}")
    assert wrong.code == 1
    assert "config.json is missing" in wrong.err


def interrupt_when(ready: Path) -> threading.Thread:
    """What Ctrl-C does, as soon as `ready` has some lines."""

    def wait() -> None:
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            logs = list(ready.glob("*/metrics.jsonl"))
            if logs and logs[0].read_bytes().count(b"\n") >= 5:
                _thread.interrupt_main()
                return
            time.sleep(0.002)

    thread = threading.Thread(target=wait)
    thread.start()
    return thread


def long_training(project: Path, quick: list[str]) -> list[str]:
    return ["train", "-p", str(project), *quick, *(part for setting in LONG for part in ("-c", setting))]


def interrupted(run: Run, project: Path, command: list[str]) -> Ended:
    """How the command ended after Ctrl-C.

    Python loses an interrupt that falls into a destructor; then, as a person would, it is tried again.
    """
    for _ in range(5):
        interrupter = interrupt_when(project / "artifacts" / "runs" / "team")
        ended = run(*command)
        interrupter.join()
        if ended.code != 0:
            return ended
        shutil.rmtree(project / "artifacts")
    raise AssertionError("five interrupts were lost")


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_ctrl_c_ends_with_130_and_the_same_command_goes_on(run: Run, project: Path, quick: list[str]) -> None:
    command = long_training(project, quick)
    ended = interrupted(run, project, command)
    assert ended.code == 130
    assert ended.err.endswith("✗ stopped\n  → run the same command again to go on where it was\n")
    (log,) = project.rglob("metrics.jsonl")
    before = log.read_text(encoding="utf-8").splitlines()
    assert run(*command).code == 0
    after = log.read_text(encoding="utf-8").splitlines()
    assert [json.loads(line)["step"] for line in after] == list(range(1, len(after) + 1))
    # the step that was going on may be done again; those before it are not
    assert after[: len(before) - 1] == before[:-1]
    assert len(after) > len(before)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_ctrl_c_with_json_is_one_document(run: Run, project: Path, quick: list[str]) -> None:
    ended = interrupted(run, project, [*long_training(project, quick), "--json"])
    assert ended.code == 130
    assert ended.first_problem["what"] == "stopped"
    assert "stopped" not in ended.err
