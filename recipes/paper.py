"""The experiment of the paper on all packs: are Task-LMs of a small model better than larger general models at its sub-tasks?

    python recipes/paper.py [MODEL] [--out FOLDER] [--language en] [--packs law,finance] [--general MODEL] [--tasks FOLDER]

Each pack becomes a project, and each task of `--tasks` (folders with task.json and splits) one of its own. There, a Task-LM per
step, one per action and one for all tasks are trained, and all answer the same test rows as the simple baselines, the untuned
base and the general models (`--general`, repeatable: a name, a folder, or http://HOST/v1:MODEL), with and without examples.
Finished artefacts are reused: the same command goes on where it was stopped. The results are collected in `results.jsonl`, one
line per task and system, and in `results.md`: who wins, by language, domain, output and rows.

Expect, for the 33 English tasks on the embedded model, about four hours on two CPU cores.
"""

import argparse
import platform
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from tempfile import mkdtemp

from anytasktune import Report, Settings, Workspace, import_rows, init_project, tune
from anytasktune.packs import pack_names
from anytasktune.records import Record
from anytasktune.schema import TaskReport
from anytasktune.scorers.statistics import holm
from anytasktune.settings import EvalConfig, TrainConfig
from anytasktune.version import __version__

PRESET = "quick"
EPOCHS = None  # by the number of rows
SIGNIFICANCE = 0.05

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("model", nargs="?", default="smollm2-135m", help="base model of the Task-LMs")
parser.add_argument("--out", type=Path, help="folder of the projects and results; default: a new temporary one")
parser.add_argument("--language", default="en", choices=["en", "zh"], help="language of the packs' rows")
parser.add_argument("--packs", default=",".join(name for name in pack_names() if name not in {"demo", "empty"}))
parser.add_argument("--general", action="append", default=[], metavar="MODEL", help="general model to compare with; repeatable")
parser.add_argument("--tasks", type=Path, help="folder of further tasks, a folder each")
parser.add_argument("--max-train-rows", type=int, help="cap of training rows per task; the results say how many were used")
parser.add_argument("--max-test-rows", type=int, help="cap of test rows per task, likewise")
arguments = parser.parse_args()
out = arguments.out or Path(mkdtemp(prefix="paper-"))

# --- projects -------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Experiment:
    """A project and the Task-LMs that are trained in it."""

    domain: str
    folder: Path
    granularity: str


def projects() -> Iterator[Experiment]:
    """Projects of the packs, then of the further tasks; made unless they are there already."""
    for pack in filter(None, arguments.packs.split(",")):
        folder = out / f"{pack}-{arguments.language}"
        if not folder.exists():
            init_project(folder, pack=pack, language=arguments.language)
        yield Experiment(pack, folder, "all")
    for task in sorted(arguments.tasks.glob("*/task.json")) if arguments.tasks else []:
        folder = out / task.parent.name
        if not folder.exists():
            init_project(folder)
            import_rows(Workspace.open(folder), task.parent)
        yield Experiment("further tasks", folder, "task")


settings = Settings(
    train=TrainConfig(model=arguments.model, preset=PRESET, epochs=EPOCHS, max_train_rows=arguments.max_train_rows),
    eval=EvalConfig(general_models=arguments.general, max_rows=arguments.max_test_rows),
)

# --- results --------------------------------------------------------------------------------------------------------------


class Result(Record):
    """One system on one task."""

    domain: str
    task: str
    language: str
    output: str
    metric: str
    lower_is_better: bool
    train_rows: int
    test_rows: int
    system: str
    score: float | None
    low: float | None
    high: float | None
    seconds: float
    difference: float | None = None
    """The step's own Task-LM minus this system, in the metric."""
    p_value: float | None = None
    p_holm: float | None = None
    """Corrected over all tasks of the experiment, per opponent."""
    report: str
    """Id of the report, whose folder has every answer."""


def results_of(experiment: Experiment, report: Report, task: TaskReport) -> Iterator[Result]:
    """One result per system that answered the task."""
    against = {comparison.against: comparison for comparison in task.comparisons}
    for system in task.systems:
        compared = against.get(system.system)
        yield Result(
            domain=experiment.domain,
            task=task.task,
            language=task.language,
            output=task.definition.output.kind if task.definition else "",
            metric=task.metric,
            lower_is_better=task.lower_is_better,
            train_rows=task.train_rows,
            test_rows=task.test_rows,
            system=system.system,
            score=system.score.value if system.score else None,
            low=system.score.low if system.score else None,
            high=system.score.high if system.score else None,
            seconds=system.seconds,
            difference=compared.difference.value if compared else None,
            p_value=compared.p_value if compared else None,
            report=report.id,
        )


def corrected(results: Sequence[Result]) -> list[Result]:
    """The same results with Holm's correction over all tasks, per opponent."""
    places = defaultdict(list)
    for place, result in enumerate(results):
        if result.p_value is not None:
            places[result.system].append(place)
    done = list(results)
    for group in places.values():
        for place, p_holm in zip(group, holm([results[place].p_value or 0.0 for place in group]), strict=True):
            done[place] = results[place].model_copy(update={"p_holm": p_holm})
    return done


def verdict(result: Result) -> str:
    """`better`, `worse` or `undecided`: the step's own Task-LM against this system."""
    if result.p_holm is None or result.p_holm >= SIGNIFICANCE or not result.difference:
        return "undecided"
    return "better" if (result.difference < 0) == result.lower_is_better else "worse"


# --- tables ---------------------------------------------------------------------------------------------------------------


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"


def verdicts_by(results: Sequence[Result], group: Callable[[Result], str], title: str) -> str:
    """Verdicts of the steps' own Task-LMs per group, against every opponent."""
    counts: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    for result in results:
        if result.p_holm is not None:
            counts[group(result), result.system][verdict(result)] += 1
    rows = [
        [name, system, str(count["better"]), str(count["undecided"]), str(count["worse"])]
        for (name, system), count in sorted(counts.items())
    ]
    return f"## By {title}\n\n" + table([title, "against", "better", "undecided", "worse"], rows)


def scores(results: Sequence[Result]) -> str:
    """The score of every system on every task, with its interval."""
    systems = list(dict.fromkeys(result.system for result in results))
    by_task: dict[tuple[str, str], dict[str, Result]] = defaultdict(dict)
    for result in results:
        by_task[result.domain, result.task][result.system] = result
    rows = []
    for (domain, task), found in by_task.items():
        one = next(iter(found.values()))
        cells = [shown(found[system]) if system in found else "–" for system in systems]
        rows.append([domain, task, one.metric, f"{one.train_rows} / {one.test_rows}", *cells])
    return "## Scores\n\n" + table(["domain", "task", "metric", "rows train / test", *systems], rows)


def shown(result: Result) -> str:
    if result.score is None:
        return "unscored"
    return f"{result.score:.3f} [{result.low:.2f}, {result.high:.2f}]"


def mean_scores(results: Sequence[Result]) -> str:
    """Mean score of each system over the tasks that all of them answered and that are scored from 0 to 1."""
    systems = set[str]().union(*[{result.system} for result in results])
    by_task: dict[tuple[str, str], dict[str, float]] = defaultdict(dict)
    for result in results:
        if result.score is not None and not result.lower_is_better:
            by_task[result.domain, result.task][result.system] = result.score
    whole = [found for found in by_task.values() if systems - {"linear"} <= found.keys()]
    rows = [[system, f"{fmean(found[system] for found in whole):.3f}"] for system in sorted(systems - {"linear"}) if whole]
    return f"## Mean score over {len(whole)} tasks\n\n" + table(["system", "mean"], rows)


def rows_band(result: Result) -> str:
    """The number of training rows, in bands of powers of four."""
    return next((f"up to {bound}" for bound in (64, 256, 1024) if result.train_rows <= bound), "more than 1024")


# --- run ------------------------------------------------------------------------------------------------------------------

found: list[Result] = []
for experiment in projects():
    workspace = Workspace.open(experiment.folder)
    report = tune(workspace, settings=settings, granularity=experiment.granularity)
    found += [result for task in report.tasks for result in results_of(experiment, report, task)]
    results = corrected(found)
    (out / "results.jsonl").write_text("".join(f"{result.model_dump_json()}\n" for result in results), encoding="utf-8")
    parts = [
        f"# Task-LMs of {arguments.model} against {', '.join(arguments.general) or 'no general model'}\n",
        f"anytasktune {__version__}, preset {PRESET}, {platform.processor() or platform.machine()}, {report.created}\n",
        mean_scores(results),
        verdicts_by(results, lambda result: result.language, "language"),
        verdicts_by(results, lambda result: result.domain, "domain"),
        verdicts_by(results, lambda result: result.output, "output"),
        verdicts_by(results, rows_band, "training rows"),
        scores(results),
    ]
    (out / "results.md").write_text("\n".join(parts), encoding="utf-8")
    print(f"{experiment.domain}: {len(report.tasks)} tasks, {experiment.folder / 'artifacts' / 'reports' / report.id}")

print(f"Results: {out / 'results.md'}")
