"""Commands that are killed at a random moment and run again, and the same command twice at once.

    python -m tests.fuzz.kills --kills 100 --pairs 20 --seed 0

A command that was killed with SIGKILL and run again, and two equal ones at once, must leave what one left alone
leaves. Commands run in forks of this process, which has loaded PyTorch already; so this is for Linux.
"""

import argparse
import contextlib
import json
import multiprocessing
import os
import random
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

from anytasktune.cli.app import run_safely
from anytasktune.pipeline import Workspace, evaluating, tuning  # noqa: F401 - loaded before the forks
from anytasktune.pipeline.reviewing import ReviewSession
from anytasktune.review import standing_decisions
from tests.made_project import made_rows, write_made
from tests.openai_server import KEY
from tests.scripted_teacher import Script, scripted_teacher
from tests.tiny_models import save_tiny_model
from tests.tiny_project import LABELS, QUICK, team_rows, write_lines, write_project, write_rows

_CHANGING = {"seconds", "usage", "time", "record_sha256", "created", "estimate", "estimate_error"}
"""Fields that are not the same in two runs: times, and what was paid in one of several attempts."""
_MODES = ("append", "replace", "propose", "review", "build", "tune", "eval")
_GOOD = {0, 3}
"""Exit codes of success; 3: some rows failed."""
_BUILD = ("rows=8", "feasibility_rows=0", "augmentations=[]", "samples=1", "concurrency=4", "judge_threshold=0")


@dataclass(frozen=True)
class Case:
    """One command on one project.

    Attributes:
        base: the project as it is before; copied for every run.
        run: does it, given the folder; returns an exit code.
        parts: patterns of the files that are compared.
        seconds: how long it takes if nothing happens.
        expected: what it leaves.
    """

    name: str
    base: Path
    run: Callable[[Path], int]
    parts: tuple[str, ...]
    seconds: float = 0.0
    expected: dict[str, Any] = field(default_factory=dict)


@dataclass
class Tally:
    """What came of the attempts."""

    kills: Counter[str] = field(default_factory=Counter)
    too_late: Counter[str] = field(default_factory=Counter)
    pairs: Counter[str] = field(default_factory=Counter)
    told: Counter[str] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        lines = [f"killed: {sum(self.kills.values())} {dict(self.kills)}; ended before: {dict(self.too_late)}"]
        lines += [f"pairs: {sum(self.pairs.values())} {dict(self.pairs)}; one was told of the other: {dict(self.told)}"]
        return "\n".join([*lines, f"faults: {len(self.faults)}", *self.faults])


def snapshot(project: Path, parts: tuple[str, ...]) -> dict[str, Any]:
    """The files of a project that say what a command did; JSON without what differs from run to run."""
    found: dict[str, Any] = {}
    every = {path for pattern in parts for path in project.glob(pattern) if path.is_file()}
    every = {path for path in every if path.name != "SHA256SUMS"}  # also of what differs from run to run
    half_made = {path for path in every if path.is_relative_to(project / "artifacts") and path.parent.name.startswith(".")}
    for path in sorted(every - half_made):
        content: Any = path.read_bytes()
        if path.suffix == ".json":
            content = _stable(json.loads(content))
        found[path.relative_to(project).as_posix()] = content
    return found


def _stable(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _stable(part) for name, part in value.items() if name not in _CHANGING}
    return [_stable(part) for part in value] if isinstance(value, list) else value


class Fuzzer:
    """The cases in a folder, with a model, a teacher and a source of chance."""

    def __init__(self, folder: Path, url: str, asked: Counter[str], seed: int) -> None:
        self.folder, self.asked, self.chance = folder, asked, random.Random(seed)
        os.environ |= {"OPENAI_BASE_URL": url, "OPENAI_API_KEY": KEY, "TOKENIZERS_PARALLELISM": "false"}
        self.model = save_tiny_model(folder / "model")
        self.tally = Tally()
        self._fork = multiprocessing.get_context("fork")
        self._number = 0

    def case(self, mode: str) -> Case:
        """The case of that name, run once to see what it leaves."""
        case: Case = getattr(self, f"_{mode}")()
        project = self._copy(case)
        began = time.monotonic()
        process, log = self._start(case, project)
        process.join()
        seconds = time.monotonic() - began
        if process.exitcode not in _GOOD:
            raise RuntimeError(f"{mode} fails by itself:\n{log.read_text(encoding='utf-8')}")
        return Case(case.name, case.base, case.run, case.parts, seconds, snapshot(project, case.parts))

    def kill(self, case: Case) -> None:
        """Kill it at a random moment, run it again and compare."""
        project = self._copy(case)
        process, _ = self._start(case, project)
        process.join(self.chance.uniform(0.02, 1.0) * case.seconds)
        (self.tally.kills if process.is_alive() else self.tally.too_late)[case.name] += 1
        process.kill()
        process.join()
        again, log = self._start(case, project)
        again.join()
        self._compare(case, project, "killed", [(again.exitcode, log)])

    def pair(self, case: Case) -> None:
        """Start it twice at once and compare; one that ends because of the other must say so."""
        project = self._copy(case)
        self.asked.clear()
        started = [self._start(case, project) for _ in range(2)]
        for process, _ in started:
            process.join()
        self.tally.pairs[case.name] += 1
        if twice := self.asked.total() - len(self.asked):
            self.tally.faults.append(f"{case.name} twice at once: {twice} requests were paid for twice")
        failed = [log for process, log in started if process.exitcode not in _GOOD]
        if len(failed) == 1 and "another process" in failed[0].read_text(encoding="utf-8"):
            self.tally.told[case.name] += 1
            started = [(process, log) for process, log in started if process.exitcode in _GOOD]
        self._compare(case, project, "twice at once", [(process.exitcode, log) for process, log in started])

    def _compare(self, case: Case, project: Path, how: str, ends: list[tuple[int | None, Path]]) -> None:
        found = snapshot(project, case.parts)
        wrong = sorted({name for name in found.keys() | case.expected.keys() if found.get(name) != case.expected.get(name)})
        logs = [log.read_text(encoding="utf-8") for _, log in ends]
        if wrong or any(code not in _GOOD for code, _ in ends) or any("Traceback" in log for log in logs):
            codes = [code for code, _ in ends]
            self.tally.faults.append(f"{case.name} {how}: exit {codes}, differs in {wrong}, in {project}\n{logs[-1][-2000:]}")
        else:
            shutil.rmtree(project)

    def _copy(self, case: Case) -> Path:
        self._number += 1
        return Path(shutil.copytree(case.base, self.folder / "runs" / f"{case.name}-{self._number}"))

    def _start(self, case: Case, project: Path) -> tuple[BaseProcess, Path]:
        self._number += 1
        log = self.folder / f"log-{self._number}.txt"
        process = self._fork.Process(target=_logged, args=(case.run, project, log))
        process.start()
        return process, log

    def _append(self) -> Case:
        base = write_project(self.folder / "append" / "law")
        more = write_rows(self.folder / "more.jsonl", team_rows(3000, start=100))
        return Case("append", base, _verb("import", more, "-t", "team", "--append"), ("data/**/*", "domain.yaml"))

    def _replace(self) -> Case:
        base = write_project(self.folder / "replace" / "law", rows=[])
        for number, split in enumerate(("train", "dev", "test")):
            write_rows(base / "data" / "team" / f"{split}.jsonl", team_rows(20, start=500 * number))
            write_rows(self.folder / "splits" / f"{split}.jsonl", team_rows(400, start=5000 + 500 * number))
        verb = _verb("import", self.folder / "splits", "-t", "team", "--replace")
        return Case("replace", base, verb, ("data/**/*", "domain.yaml"))

    def _propose(self) -> Case:
        base = write_project(self.folder / "propose" / "law")
        rows = [f'{{"input": "case {number} about rent", "output": "{LABELS[number % 3]}"}}' for number in range(300)]
        past = write_lines(self.folder / "past.jsonl", rows)
        return Case("propose", base, _verb("tasks", "propose", "--examples", past), ("domain.yaml",))

    def _review(self) -> Case:
        base = write_project(self.folder / "review" / "law")
        write_made(base)
        return Case("review", base, _review_all, ("decisions.json",))

    def _build(self) -> Case:
        base = write_project(self.folder / "build" / "law", team_rows(40))
        settings = [word for setting in _BUILD for word in ("-c", setting)]
        parts = ("artifacts/datasets/team/*/*.jsonl", "artifacts/gated/team/*/*.jsonl")
        return Case("build", base, _verb("build", "team", "--teacher", "scripted", *settings), parts)

    def _tune(self) -> Case:
        base = write_project(self.folder / "tune" / "law")
        return Case("tune", base, self._quick("tune"), _OF_TUNE)

    def _eval(self) -> Case:
        base = write_project(self.folder / "eval" / "law")
        process, log = self._start(Case("", base, self._quick("tune"), ()), base)
        process.join()
        if process.exitcode:
            raise RuntimeError(log.read_text(encoding="utf-8"))
        shutil.rmtree(base / "artifacts" / "predictions")
        return Case("eval", base, self._quick("eval"), _OF_TUNE)

    def _quick(self, verb: str) -> Callable[[Path], int]:
        settings = [f"model={self.model}", *QUICK, "checkpoint_seconds=0", "epochs=4", "batch_size=4"]
        if verb == "eval":
            settings = [setting for setting in settings if setting.split("=")[0] in {"max_new_tokens", "resamples", "device"}]
        return _verb(verb, *(word for setting in settings for word in ("-c", setting)))


_OF_TUNE = (
    "artifacts/datasets/team/*/*.jsonl",
    "artifacts/runs/team/*/run.json",
    "artifacts/runs/team/*/adapter/*",
    "artifacts/predictions/team/*.json",
)


def _verb(*words: str | Path) -> Callable[[Path], int]:
    return lambda project: run_safely([str(word) for word in (*words, "-p", project)])


def _review_all(project: Path) -> int:
    """Decide on every candidate that is not decided yet, as a reviewer who begins again; then write down what holds."""
    workspace = Workspace.open(project)
    session = ReviewSession.open(workspace.project, workspace.domain.tasks[0], "ann")
    for number, candidate in enumerate(made_rows()):
        if candidate.id not in session.decided:
            (session.accept if number % 3 else session.reject)(candidate)
    session = ReviewSession.open(workspace.project, workspace.domain.tasks[0], "ann")
    held = {key: review.decision for key, review in standing_decisions(session.own).items()}
    (project / f"decisions.{os.getpid()}").write_text(json.dumps(held, sort_keys=True), encoding="utf-8")
    (project / f"decisions.{os.getpid()}").replace(project / "decisions.json")
    return 0


def _logged(run: Callable[[Path], int], project: Path, log: Path) -> None:
    """Run in a fork, with everything it prints in a file."""
    stream = os.open(log, os.O_WRONLY | os.O_CREAT)
    for number in (1, 2):
        os.dup2(stream, number)
    sys.stdout, sys.stderr = (os.fdopen(number, "w", encoding="utf-8", closefd=False) for number in (1, 2))
    try:
        code = run(project)
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
    os._exit(code)


@contextlib.contextmanager
def fuzzing(folder: Path, seed: int) -> Iterator[Fuzzer]:
    """A fuzzer with a scripted teacher that counts what it is asked."""
    script = Script(slow=0.01)
    with scripted_teacher(script) as served:
        yield Fuzzer(folder, served.url, script.asked, seed)


def main() -> int:
    """Run the long form; the exit code is 1 if something was lost, done twice or said wrongly."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, default in (("kills", 100), ("pairs", 20), ("seed", 0)):
        parser.add_argument(f"--{name}", type=int, default=default)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as place, fuzzing(Path(place), chosen.seed) as fuzzer:
        cases = [fuzzer.case(mode) for mode in _MODES]
        for done, case in enumerate(cases, 1):
            for _ in range(chosen.kills // len(cases) + (done <= chosen.kills % len(cases))):
                fuzzer.kill(case)
            for _ in range(chosen.pairs // len(cases) + (done <= chosen.pairs % len(cases))):
                fuzzer.pair(case)
            print(case.name, f"{case.seconds:.2f} s", fuzzer.tally, sep="\n", flush=True)
        return 1 if fuzzer.tally.faults else 0


if __name__ == "__main__":
    sys.exit(main())
