"""Parity: an exported model must read, begin, answer and score as the Task-LM does, stage by stage.

The chain is: rendered prompt → its tokens → the first token after it → the answer → the score. For each golden prompt the first
stage that differs is named, since every later one follows from it.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import takewhile

from anytasktune.ids import text_hash
from anytasktune.outputs import LOWER_IS_BETTER
from anytasktune.schema import (
    CopyAnswer,
    GoldenAnswer,
    GoldenPrompt,
    GoldenPrompts,
    GoldenRow,
    ParityResult,
    ParityStage,
    Task,
    TokenScore,
)
from anytasktune.scorers import item_statistics

_SCORE_LOSS = 0.05
"""Part of the scale by which the score may differ: one of twenty rows."""


@dataclass(frozen=True)
class Tolerance:
    """Differences that rounding to a number format explains.

    Attributes:
        log_probability: of a token.
        coarse: whether only the most probable first token and the score must agree, not the order of five and every answer.
    """

    log_probability: float
    coarse: bool = False


TOLERANCES = {
    "f32": Tolerance(0.01),
    "f16": Tolerance(0.05),
    "bf16": Tolerance(0.3, coarse=True),
    "q8_0": Tolerance(0.5, coarse=True),
}
"""By number format; measured in docs/decisions/0038."""


def compare_with_golden(
    task: Task,
    golden: GoldenPrompts,
    copies: Sequence[CopyAnswer],
    number_format: str,
    checked_with: str,
    *,
    scored: bool,
) -> ParityResult:
    """Compare what an exported model made of the golden prompts with what the Task-LM made of them.

    Args:
        checked_with: the program that ran the exported model.
        scored: whether it scored the labels of a label task; else it generated.
    """
    tolerance = TOLERANCES[number_format]
    differing: Counter[ParityStage] = Counter()
    first = ""
    near_ties = 0
    for number, (prompt, copied) in enumerate(zip(golden.prompts, copies, strict=True), 1):
        expected = (prompt.scored if scored else None) or prompt.generated
        found = _first_difference(prompt, expected, copied, tolerance)
        near_ties += found is None and copied.output != expected.output and not tolerance.coarse
        if found:
            differing[found[0]] += 1
            first = first or f"golden prompt {number}: {found[0]}: {found[1]}"
    expected_outputs = [((prompt.scored if scored else None) or prompt.generated).output for prompt in golden.prompts]
    reference, score = (_score(task, golden, outputs) for outputs in (expected_outputs, [copied.output for copied in copies]))
    if not differing and _worse(task, score, reference, near_ties / max(1, len(copies))):
        differing["score"] = len(copies)
        first = f"score: {score:.3f} instead of {reference:.3f}"
    return ParityResult(
        checked_with=checked_with,
        rows=len(copies),
        differing=dict(differing),
        first_difference=first,
        same_top_five=sum(_tokens(prompt) == _tokens(copied) for prompt, copied in zip(golden.prompts, copies, strict=True)),
        largest_shift=max(
            (_shift(one.first_tokens, other.first_tokens) for one, other in zip(golden.prompts, copies, strict=True)),
            default=0.0,
        ),
        near_ties=near_ties,
        score=score,
        reference_score=reference,
        reported_score=_score(task, golden, [prompt.reported for prompt in golden.prompts]),
    )


def compare_with_training(
    task: Task, recorded: Sequence[GoldenRow], golden: GoldenPrompts, dtype: str, checked_with: str
) -> ParityResult:
    """Compare what a Task-LM made of dev rows when it was trained with what it makes of them now.

    Rows that are not among the golden prompts are left out.

    Args:
        dtype: precision in which it answered then.
        checked_with: the versions of then and now.
    """
    tolerance = TOLERANCES["f32" if dtype == "float32" else "bf16"]
    now = {prompt.example.id: prompt for prompt in golden.prompts}
    pairs = [(row, now[row.example_id]) for row in recorded if row.example_id in now]
    differing: Counter[ParityStage] = Counter()
    first = ""
    for number, (row, prompt) in enumerate(pairs, 1):
        if found := _changed_since_training(row, prompt, tolerance):
            differing[found[0]] += 1
            first = first or f"golden prompt {number}: {found[0]}: {found[1]}"
    compared = golden.model_copy(update={"prompts": [prompt for _, prompt in pairs]})
    reference, score = (
        _score(task, compared, outputs)
        for outputs in ([row.answer for row, _ in pairs], [prompt.reported for _, prompt in pairs])
    )
    if not differing and _worse(task, score, reference, 0.0):
        differing["score"] = len(pairs)
        first = f"score: {score:.3f} instead of {reference:.3f}"
    return ParityResult(
        checked_with=checked_with,
        rows=len(pairs),
        differing=dict(differing),
        first_difference=first,
        same_top_five=sum(_tokens(prompt) == _tokens(row) for row, prompt in pairs),
        largest_shift=max((_shift(row.first_tokens, prompt.first_tokens) for row, prompt in pairs), default=0.0),
        score=score,
        reference_score=reference,
    )


def _changed_since_training(row: GoldenRow, prompt: GoldenPrompt, tolerance: Tolerance) -> tuple[ParityStage, str] | None:
    if text_hash(prompt.text) != row.text_sha256:
        return "text", "the chat template renders another prompt"
    if prompt.ids != row.ids:
        return "tokens", _unlike_tokens(row.ids, prompt.ids)
    if reason := _other_first_token(row.first_tokens, prompt.first_tokens, tolerance):
        return "first token", reason
    if not tolerance.coarse and prompt.reported != row.answer:
        return "answer", f"{prompt.reported!r} instead of {row.answer!r}"
    return None


def _first_difference(
    golden: GoldenPrompt, expected: GoldenAnswer, copied: CopyAnswer, tolerance: Tolerance
) -> tuple[ParityStage, str] | None:
    if copied.text != golden.text:
        return "text", _unlike_texts(golden.text, copied.text)
    if copied.ids != golden.ids:
        return "tokens", _unlike_tokens(golden.ids, copied.ids)
    if reason := _other_first_token(golden.first_tokens, copied.first_tokens, tolerance):
        return "first token", reason
    if not tolerance.coarse and (reason := _other_answer(expected, copied, tolerance.log_probability)):
        return "answer", reason
    return None


def _unlike_texts(expected: str, found: str) -> str:
    same = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(expected, found, strict=False)))
    shown = f" from {expected[same : same + 20]!r} on: {found[same : same + 20]!r}" if found else ""
    return f"the chat template renders another prompt{shown}"


def _unlike_tokens(expected: Sequence[int], found: Sequence[int]) -> str:
    if not found:
        return "the prompt has other tokens"
    same = next((place for place, pair in enumerate(zip(expected, found, strict=False)) if pair[0] != pair[1]), None)
    place = min(len(expected), len(found)) if same is None else same
    return f"{len(found)} instead of {len(expected)}, the first other one is number {place + 1}"


def _other_first_token(wanted: Sequence[TokenScore], given: Sequence[TokenScore], tolerance: Tolerance) -> str:
    """A reason why the most probable tokens are not those of the Task-LM; empty where rounding explains all."""
    ranks = 1 if tolerance.coarse else len(wanted)
    values = [entry.log_probability for entry in wanted]
    for rank, (expected, found) in enumerate(zip(wanted[:ranks], given, strict=False)):
        where = f"number {rank + 1} of the most probable tokens"
        shift = found.log_probability - expected.log_probability
        if abs(shift) > tolerance.log_probability:
            return f"{where} has log probability {found.log_probability:.2f} instead of {expected.log_probability:.2f}"
        gaps = [abs(values[rank] - values[other]) for other in (rank - 1, rank + 1) if 0 <= other < len(values)]
        is_last = rank == len(values) - 1  # the sixth is not recorded
        if found.token != expected.token and not is_last and min(gaps, default=1.0) > tolerance.log_probability:
            return f"{where} is {found.token} instead of {expected.token}"
    return ""


def _other_answer(expected: GoldenAnswer, copied: CopyAnswer, tie: float) -> str:
    """A reason why the answer is another one; empty where it is the same, or two tokens were equally probable."""
    if not expected.ids and not copied.answer_ids:
        is_tie = bool(expected.margins) and expected.margins[0] <= tie
        return "" if copied.output == expected.output or is_tie else f"{copied.output!r} instead of {expected.output!r}"
    place = next(
        (number for number, pair in enumerate(zip(expected.ids, copied.answer_ids, strict=False)) if pair[0] != pair[1]),
        min(len(expected.ids), len(copied.answer_ids)),
    )
    if expected.ids == copied.answer_ids or place >= len(expected.margins) or expected.margins[place] <= tie:
        return ""
    if place == len(expected.ids):
        return f"it goes on after token {place}, where it must end: the end of the turn is not one of the stop tokens"
    if place == len(copied.answer_ids):
        return f"it ends after token {place} of {len(expected.ids)}"
    return f"token {place + 1} is {copied.answer_ids[place]} instead of {expected.ids[place]}"


def _tokens(recorded: GoldenPrompt | GoldenRow | CopyAnswer) -> list[int]:
    return [entry.token for entry in recorded.first_tokens]


def _shift(wanted: Sequence[TokenScore], given: Sequence[TokenScore]) -> float:
    """Largest difference in log probability of tokens that both name."""
    found = {entry.token: entry.log_probability for entry in given}
    known = [entry for entry in wanted if entry.token in found]
    return max((round(abs(found[entry.token] - entry.log_probability), 5) for entry in known), default=0.0)


def _score(task: Task, golden: GoldenPrompts, outputs: Sequence[str]) -> float | None:
    references = [prompt.example.output for prompt in golden.prompts]
    return round(item_statistics(task, references, list(outputs)).value(), 6) if references else None


def _worse(task: Task, score: float | None, reference: float | None, near_ties: float) -> bool:
    if score is None or reference is None:
        return False
    lower_is_better = task.scored_by in LOWER_IS_BETTER
    scale = max(1.0, abs(reference)) if lower_is_better else 1.0
    loss = (score - reference) if lower_is_better else (reference - score)
    return loss > (_SCORE_LOSS + near_ties) * scale + 1e-9
