"""`drift`: requests in use beside the rows of the task, feature by feature.

What was answered is compared with the answers to dev rows, which the Task-LM has not learned; lengths with all train and dev
rows; words with those of train, as many of them as are unseen in dev rows.
"""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from anytasktune.datasets.read_inputs import read_inputs
from anytasktune.errors import DataError, EvaluationError, counted
from anytasktune.pipeline.answering import AnsweringSystem, system_for
from anytasktune.pipeline.events import OnEvent
from anytasktune.pipeline.predicting import in_its_language, kept_answers
from anytasktune.pipeline.training_context import TrainingContext
from anytasktune.pipeline.workspace import Workspace
from anytasktune.schema import Example, RecordedRequest, Task
from anytasktune.schema.drift import DriftFeature, DriftResult, FeatureDrift
from anytasktune.scorers.population_shift import Shift, category_shift, number_shift
from anytasktune.scorers.statistics import holm
from anytasktune.settings import Settings
from anytasktune.store import read_lines

FEWEST_REQUESTS, FEWEST_ROWS = 50, 20
MODERATE, LARGE, SIGNIFICANCE = 0.1, 0.25, 0.05
_WORD = re.compile(r"[^\W\d_]+")
_MASK = re.compile(r"\[[^\[\]]{1,30}\]")
_HAN = re.compile("[\u4e00-\u9fff]")


@dataclass(frozen=True)
class _Row:
    """A request, or a row of the task.

    Attributes:
        text: its input; empty where that was not kept.
        label: the answer of a task with a closed list.
    """

    characters: int
    text: str = ""
    label: str | None = None
    probability: float | None = None
    unsure: bool | None = None


def drift(
    workspace: Workspace,
    task_name: str,
    file: Path | None = None,
    *,
    column: str | None = None,
    last: int | None = None,
    settings: Settings | None = None,
    on_event: OnEvent | None = None,
) -> DriftResult:
    """Compare the recorded requests to a task, or the inputs of a file, with the task's rows.

    Args:
        column: of the file's inputs; found as `predict` finds it unless given.
        last: most recent requests to look at; None: all.

    Raises:
        DataError: no requests were recorded, or the file cannot be read.
        EvaluationError: there is no Task-LM, or dev has too few rows.
    """
    (task,) = workspace.tasks([task_name])
    context = TrainingContext.begin(workspace, settings, on_event)
    lines = read_lines(workspace.project.requests(task.name), RecordedRequest) if file is None else []
    if file is None and not lines:
        fix = f"record them: {workspace.project.command('serve', '--record-requests')}; or give a file of inputs: --file FILE"
        raise DataError(f"no requests to task {task.name} were recorded", where="use", fix=fix)
    system = system_for(context, task)
    if file is not None:
        inputs = read_inputs(file, column=column).rows
        asked = [row.asked for row in inputs if isinstance(row.asked, Example)]
        observed, unanswered = _answered(context, system, asked)
        left_out = {"not_read": len(inputs) - len(asked), "no_answer": unanswered}
        read, when = len(inputs), ("", "")
    else:
        chosen = lines[-last:] if last else lines
        ours = [line for line in chosen if line.version == system.version]
        observed = [_of_request(line) for line in ours]
        left_out = {"other_version": len(chosen) - len(ours)}
        read, when = len(chosen), (ours[0].at, ours[-1].at) if ours else ("", "")
    result = DriftResult(
        task=task.name,
        version=system.version,
        source=file.name if file else "requests",
        read=read,
        left_out={reason: count for reason, count in left_out.items() if count},
        requests=len(observed),
        fewest=FEWEST_REQUESTS,
        first=when[0],
        last=when[1],
        verdict="too_few",
    )
    if len(observed) < FEWEST_REQUESTS:
        return result
    features = _features(context, task, system, observed)
    sizes = {one.size for one in features}
    verdict = "retrain" if "large" in sizes else "watch" if "moderate" in sizes else "none"
    return result.model_copy(update={"features": features, "verdict": verdict})


def _of_request(line: RecordedRequest) -> _Row:
    """A recorded request; its words count only where its texts were kept by chance, not because it was unsure."""
    return _Row(line.characters, line.input if line.sampled else "", line.label, line.probability, line.unsure)


def _answered(context: TrainingContext, system: AnsweringSystem, rows: Sequence[Example]) -> tuple[list[_Row], int]:
    """The rows as the Task-LM answers them, and the number it has no answer for."""
    examples = [in_its_language(system, row.model_copy(update={"output": ""})) for row in rows]
    answers, _ = kept_answers(context, system, examples)
    found, missing = [], 0
    for example in examples:
        answer = answers[example.id]
        missing += answer.error is not None
        if answer.error is None:
            label = answer.output if system.task.output.single_choice else None
            unsure = system.threshold.is_unsure(answer.probability) if system.threshold else None
            found.append(_Row(len(example.input), example.input, label, answer.probability, unsure))
    return found, missing


def _features(context: TrainingContext, task: Task, system: AnsweringSystem, observed: Sequence[_Row]) -> list[FeatureDrift]:
    splits = context.dataset(task).splits
    dev, train = splits.get("dev", []), splits.get("train", [])
    if len(dev) < FEWEST_ROWS:
        what = f"dev has {counted(len(dev), 'row')}, {FEWEST_ROWS} are needed to compare requests with"
        command = context.workspace.project.command("import", "FILE", "--task", task.name, "--existing", "append")
        raise EvaluationError(what, where=f"task {task.name}", fix=f"import more rows: {command}")
    known, _ = _answered(context, system, dev)
    seen = {word for row in train for word in words_of(row.input)}
    found: list[tuple[DriftFeature, int, int, float, float, str, Shift]] = []
    lengths = [len(row.input) for row in (*train, *dev)], [row.characters for row in observed]
    found.append(_of_numbers("input_length", *lengths))
    sure = _probabilities(known), _probabilities(observed)
    found += [_of_numbers("confidence", *sure)] if all(sure) else []
    labels = [row.label for row in known if row.label is not None], [row.label for row in observed if row.label is not None]
    if all(labels):
        before, now = (Counter(part) for part in labels)
        shares = {name: (before[name] / len(labels[0]), now[name] / len(labels[1])) for name in sorted({*before, *now})}
        most = max(shares, key=lambda name: abs(shares[name][1] - shares[name][0]))
        found.append(("answers", len(labels[0]), len(labels[1]), *shares[most], most, category_shift(*labels)))
    marks = [row.unsure for row in known if row.unsure is not None], [row.unsure for row in observed if row.unsure is not None]
    if all(marks):
        means = [sum(part) / len(part) for part in marks]
        found.append(("unsure", len(marks[0]), len(marks[1]), means[0], means[1], "", category_shift(*marks)))
    unseen = [[_unseen_share(row.text, seen) for row in part if words_of(row.text)] for part in (known, observed)]
    if min(map(len, unseen)) >= FEWEST_ROWS:
        feature = _of_numbers("unseen_words", *unseen)
        # dev rows are chosen unlike train rows, so that fewer unseen words are no drift
        found.append(feature if feature[4] > feature[3] else (*feature[:-1], Shift(0.0, 1.0)))
    corrected = holm([shift.p_value for *_, shift in found])
    return [
        FeatureDrift(
            feature=feature,
            rows=rows,
            requests=requests,
            before=before_value,
            now=now_value,
            label=label,
            index=shift.index,
            p_value=p_value,
            size=_size(shift.index, p_value),
        )
        for (feature, rows, requests, before_value, now_value, label, shift), p_value in zip(found, corrected, strict=True)
    ]


def _of_numbers(
    feature: DriftFeature, before: Sequence[float], now: Sequence[float]
) -> tuple[DriftFeature, int, int, float, float, str, Shift]:
    means = [sum(part) / len(part) for part in (before, now)]
    return feature, len(before), len(now), means[0], means[1], "", number_shift(before, now)


def _size(index: float, p_value: float) -> str:
    if p_value >= SIGNIFICANCE or index < MODERATE:
        return "none"
    return "large" if index >= LARGE else "moderate"


def _probabilities(rows: Sequence[_Row]) -> list[float]:
    return [row.probability for row in rows if row.probability is not None]


def words_of(text: str) -> set[str]:
    """The words of a text: runs of letters without case, and pairs of neighbouring Chinese characters; masks left out."""
    found: set[str] = set()
    for run in _WORD.findall(_MASK.sub(" ", text).casefold()):
        if _HAN.search(run):
            found |= {run[place : place + 2] for place in range(max(1, len(run) - 1))}
        else:
            found.add(run)
    return found


def _unseen_share(text: str, seen: set[str]) -> float:
    words = words_of(text)
    return len(words - seen) / len(words)
