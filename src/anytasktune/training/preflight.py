"""Preflight: every row is rendered for the model as in training, and rows that would teach something else are found.

Most tuned models that "learned nothing" were never shown the answer, or not its end. A row blocks the run if no token of it is
trained, its answer is cut or does not end, it holds a control token, or its answer violates the task's own rules.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from anytasktune.chat import Encoded, PromptFormat
from anytasktune.errors import ConfigError, Problem, counted
from anytasktune.inference.task_constraint import TaskConstraint
from anytasktune.inference.task_predictor import decoding_for
from anytasktune.schema import Example, SplitName, Task
from anytasktune.scorers import explain_rules
from anytasktune.training.tokenizing import Encode

_STYLE_ROWS = 200
Locate = Callable[[SplitName, int, Example], str]
"""Split, number of the row in it from 1, row → place in a file."""


@dataclass(frozen=True)
class Room:
    """Tokens that a row may have.

    Attributes:
        tokens: the most, prompt and answer together.
        remedy: the way to make room for more.
    """

    tokens: int
    remedy: str


@dataclass(frozen=True)
class TokenView:
    """One token as a person can read it."""

    text: str
    trained: bool


@dataclass(frozen=True)
class Preflight:
    """Result of the preflight of a task.

    Attributes:
        task: name of the task.
        rows: rows checked, per split.
        problems: in order of splits and rows.
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

    @property
    def bad_rows(self) -> int:
        """Rows with a problem, over all splits."""
        return sum(map(len, self.bad.values()))


def row_number(split: SplitName, number: int, _: Example) -> str:
    """`train row 3`, for rows that are in no file."""
    return f"{split} row {number}"


def preflight(
    task: Task,
    splits: Mapping[SplitName, Sequence[Example]],
    format_: PromptFormat,
    room: Room,
    locate: Locate = row_number,
    encode: Encode | None = None,
) -> Preflight:
    """Render and check every row of every split.

    Args:
        locate: place of a row in a file, for the problems.
        encode: makes the tokens; `format_` unless given.

    Raises:
        ConfigError: the task's JSON Schema is no schema.
    """
    problems = _impossible(task, splits, format_, room)
    bad: dict[SplitName, frozenset[str]] = {}
    lengths: list[tuple[int, int]] = []
    every = [example for rows in splits.values() for example in rows]
    tokens_of = iter((encode or format_.encode_all)(task, every))
    for split, rows in splits.items():
        refused = set()
        for number, (example, encoded) in enumerate(zip(rows, tokens_of, strict=False), 1):
            lengths.append((len(encoded.ids), encoded.answer_length))
            found = list(_row_problems(task, example, encoded, format_, room))
            problems += [replace(problem, where=locate(split, number, example)) for problem in found]
            refused |= {example.id} if found else set()
        bad[split] = frozenset(refused)
    tokens = sum(length for length, _ in lengths)
    trained = sum(answer for _, answer in lengths)
    counts = {split: len(rows) for split, rows in splits.items()}
    longest = max((length for length, _ in lengths), default=0)
    if len(lengths) > 1 and all(length - answer >= room.tokens for length, answer in lengths):
        shortest = min(length - answer for length, answer in lengths)
        what = f"no row fits: the shortest prompt takes {counted(shortest, 'token')}, and {room.tokens} fit with the answer"
        fix = f"shorten the instruction, or {room.remedy}; the longest row takes {counted(longest, 'token')}"
        problems = [Problem(what, f"task {task.name}", fix)]
    return Preflight(task.name, counts, tuple(problems), bad, longest, trained / tokens if tokens else 0.0)


def _impossible(task: Task, splits: Mapping[SplitName, Sequence[Example]], format_: PromptFormat, room: Room) -> list[Problem]:
    """The reason why no answer at all keeps to the task's output and rules, where that is so."""
    rows = [row for part in splits.values() for row in part][:_STYLE_ROWS]
    if not rows or task.output.single_choice or not format_.rendering.end_of_turn:
        return []
    try:
        TaskConstraint(task, decoding_for(task, rows, room.tokens), format_).check(rows)
    except ConfigError as error:
        return [replace(problem, where=f"task {task.name}") for problem in error.problems]
    return []


def _row_problems(task: Task, example: Example, encoded: Encoded, format_: PromptFormat, room: Room) -> Iterator[Problem]:
    if not example.output.strip():
        yield Problem("the answer is empty, so no token of this row would be trained", fix="write the answer or delete the row")
        return
    if encoded.ids[-1] not in format_.rendering.end_of_turn:
        yield Problem("the end of the answer would not be trained", fix="report this: the model's chat template is unusual")
    shorter = f"shorten the row, or {room.remedy}"
    if encoded.prompt_length >= room.tokens:
        what = f"the prompt takes {encoded.prompt_length} tokens, and {room.tokens} fit with the answer"
        yield Problem(what, fix=shorter)
    elif len(encoded.ids) > room.tokens:
        yield Problem(
            f"the answer would be cut: {len(encoded.ids)} tokens in all, {room.tokens} fit",
            fix=shorter,
        )
    text = example.input + example.output
    if special := next((token for token in format_.tokenizer.all_special_tokens if token in text), ""):
        yield Problem(f"the text holds {special}, which the model reads as a control token", fix="remove it from the text")
    yield from explain_rules(task, example.input, example.output, example.language)


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
