"""Scores of an action's steps with reference and with predicted inputs, from which follows which step breaks it."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from anytasktune.errors import counted
from anytasktune.schema.action_evaluation import StepScore
from anytasktune.schema.example import Example
from anytasktune.schema.interval import Interval
from anytasktune.schema.task import Task
from anytasktune.schema.wiring import WiredAction
from anytasktune.scorers import ItemStatistics, item_statistics, item_value, share_of_best
from anytasktune.scorers.intervals import difference_interval, score_interval
from anytasktune.workflow.chains import AnswerAll, Chain, chains_of, predicted


@dataclass(frozen=True)
class Attribution:
    """The measurements of an action; see `ActionEvaluation`."""

    chains: int
    steps: list[StepScore]
    first_wrong: dict[str, int]
    all_right: int
    notes: list[str]


def attribute(action: WiredAction, rows: Mapping[str, Sequence[Example]], answer: AnswerAll) -> Attribution:
    """Score every step on its test rows, and those of chains with reference and with predicted input.

    Args:
        rows: step → its test rows.
        answer: the systems; asked for the same more than once, so answers are better kept.
    """
    steps = list(dict.fromkeys(action.steps))
    linked = {step: action.needs(step) for step in steps}
    chains = [chain for chain in chains_of(action, rows) if any(linked[step] & chain.rows.keys() for step in chain.rows)]
    ways = {"": predicted(action, chains, answer)}
    for step in {earlier for one in steps for earlier in action.needs_of_needs(one)} if chains else ():
        ways[step] = predicted(action, chains, answer, {step})
    ways["*"] = predicted(action, chains, answer, set(steps))
    scores = [_score_of(action, step, rows[step], chains, ways, answer) for step in steps]
    judged = [step for step in steps if not action.tasks[step].output.free_text]
    wrong = [
        next((one for one in judged if one in chain.rows and not _right(action.tasks[one], chain.rows[one], outputs[one])), "")
        for chain, outputs in zip(chains, ways[""], strict=True)
    ]
    counts = Counter(wrong)
    return Attribution(
        len(chains), scores, {step: counts[step] for step in judged}, counts[""], _notes(action, scores, rows, chains)
    )


def _score_of(
    action: WiredAction,
    step: str,
    rows: Sequence[Example],
    chains: Sequence[Chain],
    ways: Mapping[str, Sequence[Mapping[str, str | None]]],
    answer: AnswerAll,
) -> StepScore:
    task = action.tasks[step]
    own = answer(step, [(row.input, row.language) for row in rows])
    score = StepScore(
        step=step,
        metric=task.scored_by,
        test_rows=len(rows),
        test_score=_interval(task, [(row.output, output) for row, output in zip(rows, own, strict=True) if output is not None]),
        chain_rows=0,
    )
    places = [place for place, chain in enumerate(chains) if step in chain.rows]
    given = [(chains[place].rows[step].input, chains[place].language) for place in places]
    with_reference = dict(zip(places, answer(step, given), strict=True))
    scored = [place for place in places if with_reference[place] is not None and ways[""][place][step] is not None]
    references = [chains[place].rows[step].output for place in scored]

    def pairs(outputs: Sequence[str | None]) -> list[tuple[str, str]]:
        return [(reference, output or "") for reference, output in zip(references, outputs, strict=True)]

    right = pairs([with_reference[place] for place in scored])
    real = pairs([ways[""][place][step] for place in scored])
    earlier = sorted(action.needs_of_needs(step), key=action.steps.index)
    replaced = {
        one: interval.value
        for one in earlier
        if (interval := _interval(task, pairs([ways[one][place][step] for place in scored])))
    }
    return score.model_copy(
        update={
            "chain_rows": len(scored),
            "unscored": len(places) - len(scored),
            "reference_input": _interval(task, right),
            "predicted_input": _interval(task, real),
            "difference": _difference(task, real, right) if earlier and scored else None,
            "with_reference_of": replaced,
        }
    )


def _interval(task: Task, pairs: Sequence[tuple[str, str]]) -> Interval | None:
    return score_interval(_statistics(task, pairs)) if pairs else None


def _difference(task: Task, ours: Sequence[tuple[str, str]], theirs: Sequence[tuple[str, str]]) -> Interval:
    return difference_interval(_statistics(task, ours), _statistics(task, theirs))


def _statistics(task: Task, pairs: Sequence[tuple[str, str]]) -> ItemStatistics:
    return item_statistics(task, [reference for reference, _ in pairs], [output for _, output in pairs])


def _right(task: Task, row: Example, output: str | None) -> bool:
    return output is not None and share_of_best(task, item_value(task, row.output, output)) == 1


def _notes(
    action: WiredAction, scores: Sequence[StepScore], rows: Mapping[str, Sequence[Example]], chains: Sequence[Chain]
) -> list[str]:
    notes = []
    for score in scores:
        earlier = sorted(action.needs(score.step), key=action.steps.index)
        if action.wiring[score.step].for_each:
            notes.append(f"{score.step} is run for each item of a list: it is scored on its own test rows only")
        elif earlier and not score.chain_rows:
            notes.append(
                f"{score.step}: none of {counted(len(rows[score.step]), 'test row')} has the reference output of a test row of "
                f"{', '.join(earlier)} as its input, so what is lost between them is not known"
            )
        elif not earlier and chains and not score.chain_rows:
            notes.append(
                f"{score.step}: its test rows have other inputs than the chains; it is scored on its own test rows only"
            )
    return notes
