"""Records come back as they were written; a line that a crash cut off is dealt with in one place."""

import subprocess
import sys
from pathlib import Path

import pytest

from anytasktune.errors import StoreError
from anytasktune.schema import EvalPoint
from anytasktune.store import (
    append_line,
    hash_of_rows,
    jsonl,
    log_lines,
    read_hashed_rows,
    read_lines,
    read_record,
    write_atomic,
    write_record,
)

POINTS = [EvalPoint(step=step, dev_loss=0.5) for step in range(3)]


def test_a_last_line_cut_off_by_a_crash_is_left_out(tmp_path: Path) -> None:
    log = tmp_path / "log.jsonl"
    points = [EvalPoint(step=step, dev_loss=0.5) for step in range(3)]
    for item in points:
        append_line(log, item)
    assert read_lines(log, EvalPoint) == points
    log.write_bytes(log.read_bytes()[:-4])
    assert read_lines(log, EvalPoint) == points[:2]
    assert read_lines(tmp_path / "none.jsonl", EvalPoint) == []


@pytest.mark.parametrize("rubbish", [b"{}\n", b"\xff\xfe\n", b"half\n"])
def test_a_damaged_line_is_named(tmp_path: Path, rubbish: bytes) -> None:
    log = tmp_path / "log.jsonl"
    append_line(log, EvalPoint(step=1, dev_loss=0.5))
    log.write_bytes(log.read_bytes() + rubbish)
    with pytest.raises(StoreError, match="not a EvalPoint") as caught:
        read_lines(log, EvalPoint)
    assert caught.value.problems[0].where == f"{log}:2"


def test_a_record_is_read_back_and_a_damaged_one_is_named(tmp_path: Path) -> None:
    path = tmp_path / "point.json"
    write_record(path, EvalPoint(step=7, dev_loss=0.25))
    assert read_record(path, EvalPoint) == EvalPoint(step=7, dev_loss=0.25)
    for damaged in (b"", b"{", b'{"step": 7}', b'{"step": 7, "dev_loss": 1, "more": 2}', b"\xff"):
        path.write_bytes(damaged)
        with pytest.raises(StoreError, match="not a EvalPoint"):
            read_record(path, EvalPoint)
    with pytest.raises(StoreError, match="No such file"):
        read_record(tmp_path / "none.json", EvalPoint)
    with pytest.raises(StoreError, match="cannot be read"):
        read_record(tmp_path, EvalPoint)


def test_a_whole_last_line_without_an_end_counts(tmp_path: Path) -> None:
    log = tmp_path / "log.jsonl"
    for item in POINTS:
        append_line(log, item)
    log.write_bytes(log.read_bytes().rstrip(b"\n"))
    assert read_lines(log, EvalPoint) == POINTS


@pytest.mark.parametrize("cut", range(1, 26))
def test_what_is_added_after_a_crash_starts_a_line_of_its_own(tmp_path: Path, cut: int) -> None:
    log = tmp_path / "log.jsonl"
    for item in POINTS:
        append_line(log, item)
    log.write_bytes(log.read_bytes()[:-cut])
    before = read_lines(log, EvalPoint)
    append_line(log, EvalPoint(step=9, dev_loss=1))
    assert read_lines(log, EvalPoint) == [*before, EvalPoint(step=9, dev_loss=1)]
    assert before == (POINTS if cut == 1 else POINTS[:2])


def test_lines_keep_their_numbers_where_blank_ones_are_passed_over() -> None:
    line = POINTS[0].model_dump_json().encode()
    assert log_lines(b"\xef\xbb\xbf" + line + b"\n\n" + line + b"\n", EvalPoint) == [(1, line), (3, line)]
    assert log_lines(b"", EvalPoint) == []


def test_rows_are_read_back_only_as_they_were_written(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    write_atomic(path, jsonl(POINTS))
    assert read_hashed_rows(path, EvalPoint, hash_of_rows(POINTS)) == POINTS
    for damaged in (jsonl(POINTS[:2]).encode(), jsonl(POINTS).encode()[:-1], b"", b"\xff"):
        path.write_bytes(damaged)
        with pytest.raises(StoreError, match=r"rows\.jsonl"):
            read_hashed_rows(path, EvalPoint, hash_of_rows(POINTS))
    path.unlink()
    with pytest.raises(StoreError, match=r"rows\.jsonl: cannot be read"):
        read_hashed_rows(path, EvalPoint, hash_of_rows(POINTS))


def test_several_processes_add_lines_at_once_and_none_is_lost(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path\n"
        "from anytasktune.schema import EvalPoint\nfrom anytasktune.store import append_line\n"
        "for step in range(60): append_line(Path(sys.argv[1]), EvalPoint(step=step, dev_loss=float(sys.argv[2])))"
    )
    log = tmp_path / "log.jsonl"
    append_line(log, EvalPoint(step=99, dev_loss=0.5))
    log.write_bytes(log.read_bytes()[:-9])  # cut off by a crash: whoever comes first mends it
    processes = [subprocess.Popen([sys.executable, "-c", code, str(log), str(number)]) for number in range(3)]
    assert [process.wait() for process in processes] == [0, 0, 0]
    found = read_lines(log, EvalPoint)
    assert sorted((point.dev_loss, point.step) for point in found) == [(n, step) for n in range(3) for step in range(60)]
