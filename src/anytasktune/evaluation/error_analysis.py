"""Wrong answers of a system, grouped by the way in which they are wrong, and how far its probabilities tell them."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence

from anytasktune.evaluation.scoring import ScoredSystem
from anytasktune.outputs import LOWER_IS_BETTER, AnswerFault, FaultKind
from anytasktune.schema import Calibration, Example, FaultGroup, LabelScore, Task
from anytasktune.scorers.calibration import calibration

MOST_GROUPS = 40
"""Groups of a system that a report holds; answers in free words have faults that occur once."""


def count_right(task: Task, entry: ScoredSystem) -> int:
    """Number of answers with the best value an item can have."""
    best = 0.0 if task.scored_by in LOWER_IS_BETTER else 1.0
    return sum(score.value is not None and abs(score.value - best) < 1e-9 for score in entry.scores)


def faults_by_row(task: Task, examples: Sequence[Example], entry: ScoredSystem) -> list[frozenset[AnswerFault]]:
    """The faults of each answer, in the order of the rows; none where an answer is right or unscored."""
    return [
        frozenset() if score.value is None else task.output.faults(example.output, prediction.output, task.languages[0])
        for example, prediction, score in zip(examples, entry.predictions, entry.scores, strict=True)
    ]


def count_faults(faults: Sequence[frozenset[AnswerFault]]) -> dict[FaultKind, int]:
    """Number of rows by kind of fault, the commonest first."""
    counts = Counter(kind for row in faults for kind in {fault.kind for fault in row})
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))


def group_faults(examples: Sequence[Example], faults: Sequence[frozenset[AnswerFault]]) -> list[FaultGroup]:
    """The rows with the same fault, the largest groups first, `MOST_GROUPS` at most."""
    rows: dict[AnswerFault, list[str]] = defaultdict(list)
    for example, found in zip(examples, faults, strict=True):
        for fault in found:
            rows[fault].append(example.id)
    largest = sorted(rows, key=lambda fault: (-len(rows[fault]), fault))[:MOST_GROUPS]
    return [FaultGroup(kind=fault.kind, expected=fault.expected, given=fault.given, rows=rows[fault]) for fault in largest]


def calibration_of(task: Task, entry: ScoredSystem) -> Calibration | None:
    """The calibration of a system on a label task; None for other tasks, and where an answer has no probability."""
    rows = sorted(entry.scored_rows)
    judged = [
        (probability, entry.scores[row].value == 1)
        for row in rows
        if (probability := entry.predictions[row].probability) is not None
    ]
    if not task.output.single_choice or not judged or len(judged) < len(rows):
        return None
    return calibration(judged, entry.threshold)


def confusion_of(task: Task, examples: Sequence[Example], entry: ScoredSystem) -> dict[str, dict[str, int]]:
    """Label of the reference → answer → rows, over the scored rows of a label task; empty for tasks of another kind.

    Labels are named in the task's first language; an answer that is no label stands as it was given.
    """
    if not task.output.single_choice:
        return {}
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for row in sorted(entry.scored_rows):
        reference, answer = examples[row].output.strip(), entry.predictions[row].output.strip()
        expected, given = (task.in_first_language(text, reference) or text for text in (reference, answer))
        counts[expected][given] += 1
    return {label: dict(sorted(counts[label].items())) for label in sorted(counts)}


def label_scores(confusion: Mapping[str, Mapping[str, int]]) -> list[LabelScore]:
    """Precision, recall and F1 of every label of the references; a label that was never answered has a precision of 0."""
    answered = Counter[str]()
    for counts in confusion.values():
        answered.update(counts)
    scores = []
    for label, counts in confusion.items():
        right, rows = counts.get(label, 0), sum(counts.values())
        precision = right / answered[label] if answered[label] else 0.0
        scores.append(
            LabelScore(
                label=label, rows=rows, precision=precision, recall=right / rows, f1=2 * right / (rows + answered[label])
            )
        )
    return scores
