"""One input: files and commands; running it in this process, and judging how it ended."""

import contextlib
import io
import json
import os
import re
import resource
import shutil
import sys
import time
import traceback
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from anytasktune.cli.app import run_safely

CPU_SECONDS = 20.0
"""Processor time that one command may take."""
MEGABYTES = 1024
"""Memory that one command may add to that of the process."""
DECLARED = {0: "done", 1: "refused", 2: "usage", 3: "dropped"}
FAULTS = ("traceback", "hang", "memory", "lost", "escapes", "unbalanced", "silent", "raw", "noise", "leftover")
_STEERING = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069]")
_RAW = re.compile(r"object at 0x|errors\.pydantic\.dev|Traceback \(most recent")
_NOISE = re.compile(r"^.*\b\w*Warning: .*$", re.M)
_LEFTOVER = re.compile(r"\.[^/]+\.[0-9a-f]{8}|\.[^/]+\.new")

Content = bytes | str | None
"""Of a file; a text is a symbolic link to that place, None is a folder."""


@dataclass(frozen=True)
class Scene:
    """One input.

    Attributes:
        files: content by path below an empty folder, in which the commands run.
        commands: arguments of the commands that are run one after the other, whatever the one before ended in.
        typed: standard input.
        counts: number of inputs that are in it (documents of a folder are read together).
    """

    family: str
    files: Mapping[str, Content]
    commands: Sequence[Sequence[str]]
    typed: str = ""
    counts: int = 1


@dataclass(frozen=True)
class Outcome:
    """How an input ended: one of `DECLARED` (of its first command) or of `FAULTS`, then with the details."""

    kind: str
    detail: str = ""

    @property
    def is_fault(self) -> bool:
        return self.kind in FAULTS


@dataclass(frozen=True)
class _Ended:
    code: int
    out: str
    err: str
    raised: str
    cpu: float
    megabytes: float


def write_files(files: Mapping[str, Content], folder: Path) -> None:
    """Write the files of a scene below `folder`."""
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if content is None:
            path.mkdir(exist_ok=True)
        elif isinstance(content, str):
            path.symlink_to(content)
        else:
            path.write_bytes(content)


def run_scene(scene: Scene, folder: Path) -> Outcome:
    """Write the files into `folder`, which is emptied first, run the commands there, and judge how they ended."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    write_files(scene.files, folder)
    outcomes: list[Outcome] = []
    here = Path.cwd()
    os.chdir(folder)
    try:
        for command in scene.commands:
            before = _own_files(folder)
            ended = _run(command, scene.typed)
            outcome = _judge(command, ended, before, _own_files(folder))
            if outcome.is_fault:
                return Outcome(outcome.kind, f"{' '.join(command)[:120]!r}: {outcome.detail}")
            outcomes.append(outcome)
    finally:
        os.chdir(here)
    return outcomes[0]


def _run(command: Sequence[str], typed: str) -> _Ended:
    out, err = (io.TextIOWrapper(io.BytesIO(), encoding="utf-8", newline="") for _ in range(2))
    raised, code = "", 1
    memory, start, stdin = _peak(), time.process_time(), sys.stdin
    sys.stdin = io.TextIOWrapper(io.BytesIO(typed.encode("utf-8", "replace")), encoding="utf-8")
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err), warnings.catch_warnings():
            warnings.simplefilter("default")
            code = run_safely(list(command))
    except BaseException as error:
        place = traceback.extract_tb(error.__traceback__)
        ours = [frame for frame in place if "anytasktune" in frame.filename] or place
        last = f"{Path(ours[-1].filename).name}:{ours[-1].lineno}"
        raised = f"{type(error).__name__}: {str(error)[:120]} at {last} from {Path(place[-1].filename).name}"
    finally:
        sys.stdin = stdin
    texts = [stream.buffer.getvalue().decode("utf-8") for stream in (out, err) if not stream.flush()]  # type: ignore[attr-defined]
    return _Ended(code, *texts, raised, time.process_time() - start, _peak() - memory)


def _peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _own_files(folder: Path) -> dict[str, bytes]:
    """Everything that the program may change only when it says so: all files but artefacts."""
    found = {}
    for place, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if name != "artifacts"]
        for name in names:
            path = Path(place) / name
            with contextlib.suppress(OSError):
                if path.is_symlink():  # it may lead to a device without end
                    continue
                found[path.relative_to(folder).as_posix()] = path.read_bytes()
    return found


def _judge(command: Sequence[str], ended: _Ended, before: dict[str, bytes], after: dict[str, bytes]) -> Outcome:
    printed = ended.out + ended.err
    if ended.raised:
        return Outcome("memory" if ended.raised.startswith("MemoryError") else "traceback", ended.raised)
    if ended.code not in DECLARED:
        return Outcome("traceback", f"exit code {ended.code}")
    if found := _RAW.search(printed):
        start = max(0, found.start() - 200)
        return Outcome("raw", printed[start : found.end() + 100])
    if found := _NOISE.search(ended.err):
        return Outcome("noise", found.group())
    if ended.cpu > CPU_SECONDS:
        return Outcome("hang", f"{ended.cpu:.1f} s of processor time")
    if ended.megabytes > MEGABYTES:
        return Outcome("memory", f"{ended.megabytes:.0f} MB")
    if found := _STEERING.search(printed):
        return Outcome("escapes", repr(printed[max(0, found.start() - 80) : found.end() + 20]))
    if ended.code in {1, 2}:
        if "✗" not in printed and '"problems"' not in printed and '"findings"' not in printed:
            return Outcome("silent", f"exit code {ended.code} without a message: {printed[-200:]!r}")
        # an interview keeps the answers it was given before it failed
        changed = sorted(name for name in before if before[name] != after.get(name) and name != "law/interview.jsonl")
        if changed:
            return Outcome("lost", f"exit code {ended.code}, but changed: {changed}")
    leftovers = sorted(name for name in after.keys() - before.keys() if _LEFTOVER.fullmatch(name.rpartition("/")[2]))
    if leftovers:
        return Outcome("leftover", ", ".join(leftovers))
    return _judge_document(command, ended) or Outcome(DECLARED[ended.code])


def _judge_document(command: Sequence[str], ended: _Ended) -> Outcome | None:
    """The fault of what a command with `--json` printed; None if there is none."""
    if "--json" not in command or "--help" in command or ended.code == 2:
        return None
    try:
        document = json.loads(ended.out)
    except ValueError as error:
        return Outcome("silent", f"--json printed no JSON ({error}): {ended.out[:200]!r} {ended.err[-200:]!r}")
    counts = document.get("counts") if isinstance(document, dict) else None
    if isinstance(counts, dict) and not _balanced(counts, document):
        return Outcome("unbalanced", json.dumps(counts))
    return None


def _balanced(counts: dict[str, Any], document: dict[str, Any]) -> bool:
    if "read" not in counts or "kept" not in counts:
        return True
    dropped = sum(counts.get("dropped", {}).values())
    listed = document.get("dropped")
    return counts["read"] == counts["kept"] + dropped and (not isinstance(listed, list) or len(listed) == dropped)
