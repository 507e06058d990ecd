"""The plan: which rows are generated, from what and what each is to be like; which rows are augmented, and how."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import Literal

from anytasktune.ids import rank, shuffled
from anytasktune.outputs import AnswerTarget
from anytasktune.records import Language
from anytasktune.schema import Cell, Example, Passage, Task
from anytasktune.schema.candidate import OriginKind
from anytasktune.settings import Augmentation, InputSource, SynthesisConfig
from anytasktune.synthesis.brief import Brief, InputLengths, Length
from anytasktune.synthesis.drafts import OTHER_LANGUAGE, Slot
from anytasktune.synthesis.excerpts import by_turns, excerpts
from anytasktune.synthesis.seeded_choice import Turns
from anytasktune.text.scripts import tokens

Difficulty = Literal["easy", "usual", "hard"]
PER_REQUEST = 4
ROWS_PER_QUESTION = 100
"""Rows for which one question about situations is asked."""
_MOST_CHARACTERS = {"en": 2400, "zh": 960}
"""Most characters of all inputs of one request together; many servers cut longer answers off."""
DIFFICULTIES: dict[Difficulty, float] = {"easy": 0.25, "usual": 0.4, "hard": 0.35}
"""Share of the rows of each difficulty; the hard ones lie at the border between two answers."""
_LENGTHS: dict[Length, float] = dict.fromkeys(InputLengths.names, 1 / len(InputLengths.names))
_FEWEST_TOKENS = 8
"""Shorter inputs have nothing to leave out or to put in another order."""


def plan_generation(briefs: Sequence[Brief], passages: Sequence[Passage], as_inputs: Collection[Language] = ()) -> list[Slot]:
    """Plan `config.rows` rows for every brief that has a source of inputs, and the rows that complete their requests.

    The plan for fewer rows is the beginning of the plan for more, in every request, so that rows can be added later. Sources
    with material take turns; within each, targets of the answer, difficulties and lengths do, so that every combination comes
    up about as often as every other and each target at least once if there are rows enough. Excerpts are rows without a cell:
    what stands in a document is not chosen. Only `config.seed` decides what is left to chance.

    Args:
        as_inputs: languages in which excerpts of the passages are inputs as they stand.

    Returns:
        The rows of each brief, numbered from 0. Those from `config.rows` on are not wanted; some are requested with others.
    """
    slots: list[Slot] = []
    for brief in briefs:
        usable = passages_in(passages, brief.language)
        slots += _planned_in(brief, usable, as_inputs=brief.language in as_inputs)
    return slots


def passages_in(passages: Sequence[Passage], language: Language) -> list[Passage]:
    """The passages written in `language`."""
    return [passage for passage in passages if passage.language == language]


def _planned_in(brief: Brief, passages: Sequence[Passage], *, as_inputs: bool) -> list[Slot]:
    config, language = brief.config, brief.language
    there = {"passage": bool(passages), "example": bool(brief.rows) and config.shots > 0, "task_only": True}
    kinds = [kind for kind in dict.fromkeys(config.inputs_from) if there[kind]]
    ordered = by_turns(shuffled(passages, config.seed, "passages", language))
    cut = [excerpts(passage, *brief.lengths.of_excerpts) for passage in ordered] if as_inputs and not config.aimed_at else []
    turns = range(max(map(len, cut), default=0))  # one excerpt of each passage, then a second one of each that has one, ...
    whole = [(at, spans[turn]) for turn in turns for at, spans in enumerate(cut) if turn < len(spans)]
    size, cells, slots = rows_per_request(brief), _Cells(brief), []
    for number in range(config.rows + size * len(kinds) if kinds else 0):
        kind, turn = kinds[number % len(kinds)], number // len(kinds)
        if kind == "passage" and turn < len(whole):
            at, span = whole[turn]
            slots.append(Slot(number, language, kind, passage=ordered[at], excerpt=span))
            continue
        cell, target = cells.take(kind)
        request, passage = turn // size, None
        if kind == "passage":  # each passage by itself once, then several inputs of one at a time
            turn -= len(whole)
            later = turn - len(ordered)
            request = turn if later < 0 else len(ordered) + later // size
            passage = ordered[request % len(ordered)]
        slots.append(Slot(number, language, kind, cell, target, passage, request=request))
    return slots


def rows_per_request(brief: Brief) -> int:
    """Rows whose inputs are requested together: fewer where inputs are long."""
    return max(1, min(PER_REQUEST, _MOST_CHARACTERS[brief.language] // max(1, brief.lengths.edges[-1])))


class _Cells:
    """The cells of the rows to be written: difficulties take turns along the targets, lengths along both."""

    def __init__(self, brief: Brief) -> None:
        weights = brief.task.output.targets(brief.language, brief.task.rules, [row.output for row in brief.rows])
        aims = set(brief.config.aimed_at)
        weights = {target: share for target, share in weights.items() if aims & {target.label, target.field}} or weights
        whole = sum(weights.values())
        # with fewer rows than targets it is not always the first that are left
        order = shuffled(list(weights), brief.config.seed, brief.task.name, brief.language, "targets")
        self._targets = {target: weights[target] / whole for target in order}
        self._turns = Turns()

    def take(self, kind: InputSource) -> tuple[Cell, AnswerTarget]:
        """The cell of the next row from this source, and the target of its answer."""
        turns = self._turns
        target = turns.take(self._targets, "target", ("target", kind), cover=True)
        difficulty = turns.take(DIFFICULTIES, "difficulty", ("difficulty", kind, target))
        length = turns.take(_LENGTHS, "length", ("length", target), ("length", kind, difficulty))
        return Cell(difficulty=difficulty, length=length, label=target.label, aspect=target.aspect), target


def with_situations(slots: Sequence[Slot], situations: Mapping[Language, Sequence[Sequence[str]]], seed: int) -> list[Slot]:
    """The plan with a situation for every row, each about as often as every other; a row from a passage has its own.

    Args:
        situations: for each `ROWS_PER_QUESTION` rows of a language those to choose from; the last for all after.
    """
    found = list(slots)
    turns: dict[tuple[Language, OriginKind], int] = {}
    begun: dict[object, int] = {}
    for place, slot in enumerate(slots):
        choices = situations.get(slot.language, ())
        first = begun.setdefault((slot.language, slot.kind, slot.request), slot.number)
        if slot.kind == "passage" or not choices:
            continue
        choice = choices[min(first // ROWS_PER_QUESTION, len(choices) - 1)]
        start = rank(seed, "situations", slot.language, slot.kind)[0]
        turn = turns.setdefault((slot.language, slot.kind), start)
        turns[slot.language, slot.kind] = turn + 1
        if choice:
            cell = slot.cell.model_copy(update={"situation": choice[turn % len(choice)]})
            found[place] = replace(slot, cell=cell)
    return found


def plan_augmentation(
    task: Task,
    rows: Sequence[Example],
    config: SynthesisConfig,
    *,
    teacher: bool,
    done: Mapping[tuple[str, str], int] = MappingProxyType({}),
) -> tuple[list[Slot], dict[Augmentation, str]]:
    """Plan `augmented_share` × rows augmentations.

    Each augmentation gets the same number (those named first one more, where it does not go up): of the rows that were used
    least so far, those whose hash with the seed and the augmentation comes first. So a row that is added changes few choices.

    Args:
        teacher: whether there is one.
        done: augmentation and id of a row → how often it was made already; only what is missing is planned.

    Returns:
        The plan, and the augmentations that cannot be made at all, each with the reason: `no_teacher`; `one_language` (of the
        task, so there is nothing to translate to); `closed_answers` (of the task, so a fault in an input cannot show in the
        answer); `rows_too_short`.
    """
    unique = list({row.id: row for row in rows}.values())
    fitting: dict[Augmentation, list[Example]] = {}
    left_out: dict[Augmentation, str] = {}
    for kind in dict.fromkeys(config.augmentations):
        obstacles = [_obstacle(task, row, kind, teacher) for row in unique]
        if "" in obstacles:
            fitting[kind] = [row for row, obstacle in zip(unique, obstacles, strict=True) if not obstacle]
        elif unique:
            left_out[kind] = obstacles[0]
    return _shared_out(task, fitting, round(config.augmented_share * len(unique)), config.seed, done), left_out


def _obstacle(task: Task, row: Example, kind: Augmentation, teacher: bool) -> str:
    """Reason why this augmentation is impossible; empty if it is possible."""
    if kind != "typos" and not teacher:
        return "no_teacher"
    if kind == "translate" and not set(OTHER_LANGUAGE) <= set(task.languages):
        return "one_language"
    if kind == "noisy_input" and task.output.atomic:
        return "closed_answers"
    if kind in {"simplify", "restructure"} and len(tokens(row.input)) < _FEWEST_TOKENS:
        return "rows_too_short"
    return ""


def _shared_out(
    task: Task,
    fitting: Mapping[Augmentation, list[Example]],
    wanted: int,
    seed: int,
    done: Mapping[tuple[str, str], int],
) -> list[Slot]:
    slots: list[Slot] = []
    uses = Counter({row.id: 0 for rows in fitting.values() for row in rows})
    for (_, row_id), count in done.items():
        uses[row_id] += count
    for number, (kind, rows) in enumerate(fitting.items()):
        share = wanted // len(fitting) + (number < wanted % len(fitting))
        share -= sum(done.get((kind, row.id), 0) for row in rows)
        hashes = {row.id: rank(seed, kind, row.id) for row in rows}
        order = sorted(rows, key=lambda row: (uses[row.id], hashes[row.id]))
        for place in range(share):
            row = order[place % len(order)]
            uses[row.id] += 1
            language = task.language_of(row.language)
            language = OTHER_LANGUAGE[language] if kind == "translate" else language
            variant = place // len(order) + done.get((kind, row.id), 0)
            slots.append(Slot(len(slots), language, kind, row=row, variant=variant))
    return slots
