"""Which rows are enhanced, and how: spread evenly over the augmentations and over the rows."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from anytasktune.records import Language
from anytasktune.schema import Example, Task
from anytasktune.settings import Augmentation, SynthesisConfig
from anytasktune.synthesis.seeded_choice import rank
from anytasktune.text.scripts import tokens

_OTHER: dict[Language, Language] = {"en": "zh", "zh": "en"}
_FEWEST_TOKENS = 8
"""Shorter inputs have nothing to leave out or to put in another order."""
_NO_MENDING = {"label", "number"}


@dataclass(frozen=True)
class Plan:
    """One augmentation of one row.

    Attributes:
        row: the row.
        way: the augmentation.
        variant: 0 the first time this is done to this row, then 1, ...
        language: of the row.
        seed, temperature: of the config.
    """

    row: Example
    way: Augmentation
    variant: int
    language: Language
    seed: int
    temperature: float

    @property
    def target(self) -> Language:
        """The language of what is made."""
        return _OTHER[self.language] if self.way == "translate" else self.language


@dataclass(frozen=True)
class Planned:
    """What is to be made, and which of the augmentations asked for cannot be made at all, with the reason.

    The reasons: `no_teacher`; `one_language` (of the task, so there is nothing to translate to); `closed_answers` (of the task,
    so what is missing or wrong in an input cannot show in the answer); `rows_too_short`.
    """

    plans: list[Plan]
    left_out: dict[Augmentation, str]


def plan_enhancements(task: Task, rows: Sequence[Example], config: SynthesisConfig, *, teacher: bool) -> Planned:
    """Plan `augmented_share` × rows augmentations.

    Each augmentation gets the same number (those named first one more, where it does not go up): of the rows that were used
    least so far, those whose hash with the seed and the augmentation comes first. So a row that is added changes few choices.

    Args:
        teacher: whether there is one to ask.
    """
    unique = list({row.id: row for row in rows}.values())
    fitting: dict[Augmentation, list[Example]] = {}
    left_out: dict[Augmentation, str] = {}
    for way in dict.fromkeys(config.augmentations):
        found = [row for row in unique if not _obstacle(task, row, way, teacher)]
        if found:
            fitting[way] = found
        elif unique:
            left_out[way] = _obstacle(task, unique[0], way, teacher)
    wanted = round(config.augmented_share * len(unique))
    return Planned(_shared_out(task, fitting, wanted, config), left_out)


def _obstacle(task: Task, row: Example, way: Augmentation, teacher: bool) -> str:
    """Why this cannot be done; empty if it can."""
    if way != "typos" and not teacher:
        return "no_teacher"
    if way == "translate" and not {"en", "zh"} <= set(task.languages):
        return "one_language"
    if way == "noisy_input" and task.output.kind in _NO_MENDING:
        return "closed_answers"
    if way in {"simplify", "restructure"} and len(tokens(row.input)) < _FEWEST_TOKENS:
        return "rows_too_short"
    return ""


def _shared_out(task: Task, fitting: dict[Augmentation, list[Example]], wanted: int, config: SynthesisConfig) -> list[Plan]:
    plans: list[Plan] = []
    uses: Counter[str] = Counter()
    for number, (way, rows) in enumerate(fitting.items()):
        share = wanted // len(fitting) + (number < wanted % len(fitting))
        hashes = {row.id: rank(config.seed, way, row.id) for row in rows}
        order = sorted(rows, key=lambda row: (uses[row.id], hashes[row.id]))
        for place in range(share):
            row = order[place % len(order)]
            uses[row.id] += 1
            language = task.language_of(row.language)
            plans.append(Plan(row, way, place // len(order), language, config.seed, config.temperature))
    return plans
