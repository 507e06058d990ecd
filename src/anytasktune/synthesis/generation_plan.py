"""The coverage plan: which rows are to be made, from what, and what each is to be like."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace

from anytasktune.records import Language
from anytasktune.schema import Cell, Example, Passage, Span, Task
from anytasktune.settings import InputSource, SynthesisConfig
from anytasktune.synthesis.answer_targets import Aim, aims
from anytasktune.synthesis.excerpts import by_turns, excerpts
from anytasktune.synthesis.input_lengths import Lengths, excerpt_lengths
from anytasktune.synthesis.seeded_choice import apportion, rank, shuffled, spread

DIFFICULTIES = {"easy": 0.25, "usual": 0.4, "hard": 0.35}
"""How many rows of each difficulty are planned; the hard ones lie at the border between two answers."""


@dataclass(frozen=True)
class Slot:
    """One row that is to be made.

    Attributes:
        number: its place in the plan.
        way: where its input comes from.
        cell: what it is to be like.
        aim: what its answer is to be like.
        passage: what its input is made from, where `way` is `passage`.
        excerpt: the part of the passage that is the input as it stands; None where an input is to be written.
    """

    number: int
    language: Language
    way: InputSource
    cell: Cell = field(default_factory=Cell)
    aim: Aim = field(default_factory=Aim)
    passage: Passage | None = None
    excerpt: Span | None = None


def plan(
    task: Task,
    languages: Sequence[Language],
    seeds: Sequence[Example],
    passages: Sequence[Passage],
    config: SynthesisConfig,
    as_inputs: Collection[Language] = (),
) -> list[Slot]:
    """What is to be made: `config.rows` rows for every language for which there is a way to make them.

    Rows are shared evenly among the ways there is material for, and within each among aims of the answer, difficulties and
    lengths, so that every combination comes up about as often as every other and each aim at least once if there are rows
    enough. Excerpts are rows without a cell: what stands in a document is not chosen. Only `config.seed` decides what is left
    to chance.

    Args:
        seeds: train rows.
        as_inputs: languages in which stretches of the passages are inputs as they stand.
    """
    slots: list[Slot] = []
    for language in languages:
        known = seeds_in(task, seeds, language)
        usable = passages_in(passages, language)
        made = _planned_in(task, language, known, usable, config, language in as_inputs)
        slots += [replace(slot, number=len(slots) + place) for place, slot in enumerate(made)]
    return slots


def seeds_in(task: Task, seeds: Sequence[Example], language: Language) -> list[Example]:
    """The rows of one language; one without a language is in the task's first."""
    return [seed for seed in seeds if task.language_of(seed.language) == language]


def passages_in(passages: Sequence[Passage], language: Language) -> list[Passage]:
    """The passages written in `language`."""
    return [passage for passage in passages if passage.language == language]


def with_situations(slots: Sequence[Slot], situations: Mapping[Language, Sequence[str]], seed: int) -> list[Slot]:
    """The plan with a situation for every row, each about as often as every other; a row from a passage has its own."""
    found = list(slots)
    turns: dict[tuple[Language, InputSource], int] = {}
    for place, slot in enumerate(slots):
        choice = situations.get(slot.language, ())
        if slot.way == "passage" or not choice:
            continue
        start = rank(seed, "situations", slot.language, slot.way)[0]
        turn = turns.setdefault((slot.language, slot.way), start)
        turns[slot.language, slot.way] = turn + 1
        cell = slot.cell.model_copy(update={"situation": choice[turn % len(choice)]})
        found[place] = replace(slot, cell=cell)
    return found


def _planned_in(
    task: Task,
    language: Language,
    seeds: Sequence[Example],
    passages: Sequence[Passage],
    config: SynthesisConfig,
    as_inputs: bool,
) -> list[Slot]:
    quotas = apportion(config.rows, dict.fromkeys(_ways(seeds, passages, config), 1.0))
    ordered = by_turns(shuffled(passages, config.seed, "passages", language))
    stretches = _stretches(ordered, seeds, language) if as_inputs else []
    whole = [
        Slot(0, language, "passage", passage=passage, excerpt=span) for passage, span in stretches[: quotas.get("passage", 0)]
    ]
    if whole:
        quotas["passage"] -= len(whole)
    written = _cells(task, language, seeds, config, quotas)
    turn = 0
    for place, slot in enumerate(written):
        if slot.way == "passage":
            written[place] = replace(slot, passage=ordered[turn % len(ordered)])
            turn += 1
    return shuffled([*whole, *written], config.seed, "order", language)


def _ways(seeds: Sequence[Example], passages: Sequence[Passage], config: SynthesisConfig) -> list[InputSource]:
    there = {"passage": bool(passages), "example": bool(seeds) and config.shots > 0, "task_only": True}
    return [way for way in dict.fromkeys(config.inputs_from) if there[way]]


def _stretches(passages: Sequence[Passage], seeds: Sequence[Example], language: Language) -> list[tuple[Passage, Span]]:
    """One stretch of each passage, then a second one of each that has one, and so on."""
    shortest, longest = excerpt_lengths(seeds, language)
    cut = [excerpts(passage, shortest, longest) for passage in passages]
    most = max(map(len, cut), default=0)
    return [
        (passage, spans[turn])
        for turn in range(most)
        for passage, spans in zip(passages, cut, strict=True)
        if turn < len(spans)
    ]


def _cells(
    task: Task, language: Language, seeds: Sequence[Example], config: SynthesisConfig, quotas: Mapping[InputSource, int]
) -> list[Slot]:
    """A row for each place in the quotas; difficulties are spread along the aims, ways and lengths along both."""
    total = sum(quotas.values())
    chance = (config.seed, task.name, language)
    of_answers = apportion(total, _in_any_order(aims(task, language, seeds), *chance), cover=True)
    aimed = [aim for aim, count in of_answers.items() for _ in range(count)]
    difficulties = spread(apportion(total, DIFFICULTIES), *chance, "difficulty")
    places = {aim: place for place, aim in enumerate(of_answers)}
    rows = sorted(zip(aimed, difficulties, strict=True), key=lambda row: (places[row[0]], row[1]))
    ways = spread(quotas, *chance, "way")
    lengths = spread(apportion(total, dict.fromkeys(Lengths.names, 1.0)), *chance, "length")
    found = []
    for (aim, difficulty), way, length in zip(rows, ways, lengths, strict=True):
        cell = Cell(difficulty=difficulty, length=length, label=aim.label, aspect=aim.aspect)
        found.append(Slot(0, language, way, cell, aim))
    return found


def _in_any_order(weights: Mapping[Aim, float], *chance: object) -> dict[Aim, float]:
    """So that with fewer rows than aims it is not always the first of them that are left."""
    return {aim: weights[aim] for aim in shuffled(list(weights), *chance, "aims")}
