"""The plan: which rows are generated, from what and what each is to be like; which rows are augmented, and how."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

from anytasktune.ids import rank, shuffled
from anytasktune.records import Language
from anytasktune.schema import Cell, Example, Passage, Task
from anytasktune.schema.candidate import OriginKind
from anytasktune.settings import Augmentation, InputSource, SynthesisConfig
from anytasktune.synthesis.brief import Brief, InputLengths
from anytasktune.synthesis.drafts import OTHER_LANGUAGE, Slot
from anytasktune.synthesis.excerpts import by_turns, excerpts
from anytasktune.synthesis.seeded_choice import apportion, spread
from anytasktune.text.scripts import tokens

DIFFICULTIES = {"easy": 0.25, "usual": 0.4, "hard": 0.35}
"""Share of the rows of each difficulty; the hard ones lie at the border between two answers."""
_FEWEST_TOKENS = 8
"""Shorter inputs have nothing to leave out or to put in another order."""


def plan_generation(briefs: Sequence[Brief], passages: Sequence[Passage], as_inputs: Collection[Language] = ()) -> list[Slot]:
    """Plan `config.rows` rows for every brief that has a source of inputs.

    Rows are shared evenly among the sources with material, and within each among targets of the answer, difficulties and
    lengths, so that every combination comes up about as often as every other and each target at least once if there are rows
    enough. Excerpts are rows without a cell: what stands in a document is not chosen. Only `config.seed` decides what is left
    to chance.

    Args:
        as_inputs: languages in which excerpts of the passages are inputs as they stand.
    """
    slots: list[Slot] = []
    for brief in briefs:
        usable = passages_in(passages, brief.language)
        slots += _planned_in(brief, usable, as_inputs=brief.language in as_inputs)
    return [replace(slot, number=number) for number, slot in enumerate(slots)]


def passages_in(passages: Sequence[Passage], language: Language) -> list[Passage]:
    """The passages written in `language`."""
    return [passage for passage in passages if passage.language == language]


def _planned_in(brief: Brief, passages: Sequence[Passage], *, as_inputs: bool) -> list[Slot]:
    config, language = brief.config, brief.language
    there = {"passage": bool(passages), "example": bool(brief.rows) and config.shots > 0, "task_only": True}
    quotas = apportion(config.rows, {source: 1.0 for source in dict.fromkeys(config.inputs_from) if there[source]})
    ordered = by_turns(shuffled(passages, config.seed, "passages", language))
    cut = [excerpts(passage, *brief.lengths.of_excerpts) for passage in ordered] if as_inputs else []
    turns = range(max(map(len, cut), default=0))  # one excerpt of each passage, then a second one of each that has one, ...
    whole = [
        Slot(0, language, "passage", passage=passage, excerpt=spans[turn])
        for turn in turns
        for passage, spans in zip(ordered, cut, strict=False)
        if turn < len(spans)
    ][: quotas.get("passage", 0)]
    if whole:
        quotas["passage"] -= len(whole)
    written = _cells(brief, quotas)
    of_passages = [place for place, slot in enumerate(written) if slot.kind == "passage"]
    for turn, place in enumerate(of_passages):
        written[place] = replace(written[place], passage=ordered[turn % len(ordered)])
    return shuffled([*whole, *written], config.seed, "order", language)


def _cells(brief: Brief, quotas: Mapping[InputSource, int]) -> list[Slot]:
    """A row for each place in the quotas; difficulties are spread along the targets, sources and lengths along both."""
    total = sum(quotas.values())
    chance = (brief.config.seed, brief.task.name, brief.language)
    weights = brief.task.output.targets(brief.language, brief.task.rules, [row.output for row in brief.rows])
    order = shuffled(list(weights), *chance, "targets")  # with fewer rows than targets it is not always the first that are left
    of_answers = apportion(total, {target: weights[target] for target in order}, cover=True)
    of_rows = [target for target, count in of_answers.items() for _ in range(count)]
    difficulties = spread(apportion(total, DIFFICULTIES), *chance, "difficulty")
    places = {target: place for place, target in enumerate(of_answers)}
    rows = sorted(zip(of_rows, difficulties, strict=True), key=lambda row: (places[row[0]], row[1]))
    sources = spread(quotas, *chance, "source")
    lengths = spread(apportion(total, dict.fromkeys(InputLengths.names, 1.0)), *chance, "length")
    found = []
    for (target, difficulty), source, length in zip(rows, sources, lengths, strict=True):
        cell = Cell(difficulty=difficulty, length=length, label=target.label, aspect=target.aspect)
        found.append(Slot(0, brief.language, source, cell, target))
    return found


def with_situations(slots: Sequence[Slot], situations: Mapping[Language, Sequence[str]], seed: int) -> list[Slot]:
    """The plan with a situation for every row, each about as often as every other; a row from a passage has its own."""
    found = list(slots)
    turns: dict[tuple[Language, OriginKind], int] = {}
    for place, slot in enumerate(slots):
        choice = situations.get(slot.language, ())
        if slot.kind == "passage" or not choice:
            continue
        start = rank(seed, "situations", slot.language, slot.kind)[0]
        turn = turns.setdefault((slot.language, slot.kind), start)
        turns[slot.language, slot.kind] = turn + 1
        cell = slot.cell.model_copy(update={"situation": choice[turn % len(choice)]})
        found[place] = replace(slot, cell=cell)
    return found


def plan_augmentation(
    task: Task, rows: Sequence[Example], config: SynthesisConfig, *, teacher: bool
) -> tuple[list[Slot], dict[Augmentation, str]]:
    """Plan `augmented_share` × rows augmentations.

    Each augmentation gets the same number (those named first one more, where it does not go up): of the rows that were used
    least so far, those whose hash with the seed and the augmentation comes first. So a row that is added changes few choices.

    Args:
        teacher: whether there is one.

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
    return _shared_out(task, fitting, round(config.augmented_share * len(unique)), config.seed), left_out


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


def _shared_out(task: Task, fitting: Mapping[Augmentation, list[Example]], wanted: int, seed: int) -> list[Slot]:
    slots: list[Slot] = []
    uses: Counter[str] = Counter()
    for number, (kind, rows) in enumerate(fitting.items()):
        share = wanted // len(fitting) + (number < wanted % len(fitting))
        hashes = {row.id: rank(seed, kind, row.id) for row in rows}
        order = sorted(rows, key=lambda row: (uses[row.id], hashes[row.id]))
        for place in range(share):
            row = order[place % len(order)]
            uses[row.id] += 1
            language = task.language_of(row.language)
            language = OTHER_LANGUAGE[language] if kind == "translate" else language
            slots.append(Slot(len(slots), language, kind, row=row, variant=place // len(order)))
    return slots
