"""The last look before training: would these rows, rendered for this model, teach the task and nothing else?

Most tuned models that "learned nothing" were never shown the answer, or not its end. So every row is rendered as training
will render it, and a row blocks the run if no token of it is trained, its answer is cut or does not end, it holds a token that
ends a turn in the middle, or its answer breaks the task's own rules.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from anytasktune.chat import Encoded, PromptFormat
from anytasktune.errors import Problem
from anytasktune.schema import Example, SplitName, Task
from anytasktune.scorers import explain_rules

_SHOWN = 48


@dataclass(frozen=True)
class TokenView:
    """One token as a person can read it."""

    text: str
    trained: bool


@dataclass(frozen=True)
class Preflight:
    """What the look found.

    Attributes:
        task: name of the task.
        rows: rows looked at, per split.
        problems: what blocks, in order of splits and rows.
        bad: ids of the rows with a problem, per split.
        longest: tokens of the longest row, prompt and answer together.
        trained_share: share of all tokens that are trained.
    """

    task: str
    rows: dict[SplitName, int]
    problems: tuple[Problem, ...]
    bad: dict[SplitName, frozenset[str]]
    longest: int
    trained_share: float


def preflight(task: Task, splits: Mapping[SplitName, Sequence[Example]], format_: PromptFormat, max_length: int) -> Preflight:
    """Render and judge every row of every split.

    Args:
        max_length: most tokens a row may have.
    """
    problems: list[Problem] = []
    bad: dict[SplitName, frozenset[str]] = {}
    lengths: list[tuple[int, int]] = []
    for split, rows in splits.items():
        refused = set()
        for number, example in enumerate(rows, 1):
            encoded = format_.encode(task, example)
            lengths.append((len(encoded.ids), encoded.answer_length))
            found = list(_row_problems(task, example, encoded, format_, max_length))
            problems += [_located(problem, task.name, split, number, example) for problem in found]
            refused |= {example.id} if found else set()
        bad[split] = frozenset(refused)
    tokens = sum(length for length, _ in lengths)
    trained = sum(answer for _, answer in lengths)
    counts = {split: len(rows) for split, rows in splits.items()}
    longest = max((length for length, _ in lengths), default=0)
    return Preflight(task.name, counts, tuple(problems), bad, longest, trained / tokens if tokens else 0.0)


def _row_problems(task: Task, example: Example, encoded: Encoded, format_: PromptFormat, max_length: int) -> Iterator[Problem]:
    if not example.output.strip():
        yield Problem("the answer is empty, so no token of this row would be trained", fix="write the answer or delete the row")
        return
    if encoded.ids[-1] not in format_.rendering.end_of_turn:
        yield Problem("the end of the answer would not be trained", fix="report this: the model's chat template is unusual")
    if encoded.prompt_length >= max_length:
        yield Problem(
            f"the input has {encoded.prompt_length} tokens, more than the {max_length} that fit",
            fix="shorten it or raise max_length",
        )
    elif len(encoded.ids) > max_length:
        what = f"the answer would be cut: {len(encoded.ids)} tokens in all, more than the {max_length} that fit"
        yield Problem(what, fix="shorten the row or raise max_length")
    special = _special_token(example, format_)
    if special:
        yield Problem(f"the text holds {special}, which the model reads as a control token", fix="remove it from the text")
    yield from explain_rules(task, example.input, example.output)


def _special_token(example: Example, format_: PromptFormat) -> str:
    text = example.input + example.output
    return next((token for token in format_.tokenizer.all_special_tokens if token in text), "")


def _located(problem: Problem, task: str, split: str, number: int, example: Example) -> Problem:
    start = example.input[:_SHOWN].replace("\n", " ")
    more = "…" if len(example.input) > _SHOWN else ""
    return Problem(problem.what, f"{task} {split} row {number} “{start}{more}”", problem.fix)


def view_tokens(task: Task, example: Example, format_: PromptFormat) -> list[TokenView]:
    """The row token by token, as training sees it. Tokens that are parts of one character are joined."""
    encoded = format_.encode(task, example)
    views: list[TokenView] = []
    pending: list[int] = []
    for position, token in enumerate(encoded.ids):
        pending.append(token)
        text = str(format_.tokenizer.decode(pending))
        trained = position >= encoded.prompt_length
        boundary = position + 1 in {encoded.prompt_length, len(encoded.ids)}
        if "\ufffd" in text and not boundary:
            continue
        views.append(TokenView(text, trained))
        pending = []
    return views
