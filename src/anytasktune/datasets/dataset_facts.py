"""Facts of a data set, counted and measured, and the warnings that follow from them."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from anytasktune.datasets.freeze import FrozenDataset
from anytasktune.records import Language
from anytasktune.schema import DatasetManifest, Example, SplitName, Task

OWN = "own"
"""The origin of the user's own rows, beside the kinds of generated ones."""
MOST_BINS = 12
FEW_TEST_ROWS, FEW_OF_A_LABEL = 50, 5
_LABELS_SHOWN = 8
_WORDS: dict[Language, dict[str, str]] = {
    "en": {
        "no_test": "There are no test rows: no model can be evaluated.",
        "all_generated": "No test row was written by a person: scores measure agreement with the teacher, nothing else.",
        "some_generated": "{generated} of {rows} test rows are generated; own rows: {own}.",
        "same_documents": "Test rows come from the same documents as train rows, from other passages of them.",
        "few_test": "There are only {rows} test rows: differences of a few points may be chance.",
        "no_language": "There are no test rows in {language}, though the task has an instruction in it.",
        "missing_labels": "No train row has the answer {labels}.",
        "rare_labels": "Fewer than {least} train rows each have the answer {labels}.",
        "unseen": "{rows} of the {generated} generated rows were not reviewed.",
    },
    "zh": {
        "no_test": "没有测试数据：无法判断模型的好坏。",
        "all_generated": "测试集中没有一条是人写的：得分只说明模型与教师模型有多一致，别无其他。",
        "some_generated": "{rows} 条测试数据中有 {generated} 条由教师模型生成，自有数据 {own} 条。",
        "same_documents": "测试数据与训练数据出自同样的文档，只是段落不同。",
        "few_test": "测试集只有 {rows} 条：几个百分点的差别可能只是偶然。",
        "no_language": "任务有{language}说明，但测试集中没有{language}数据。",
        "missing_labels": "训练集中没有答案为{labels}的数据。",
        "rare_labels": "训练集中答案为{labels}的数据各不足 {least} 条。",
        "unseen": "{generated} 条生成数据中有 {rows} 条没有人看过。",
    },
}
_LANGUAGES: dict[Language, dict[Language, str]] = {"en": {"en": "English", "zh": "Chinese"}, "zh": {"en": "英文", "zh": "中文"}}


@dataclass(frozen=True)
class Lengths:
    """Lengths of texts in characters.

    Attributes:
        shortest, median, longest: 0 without texts.
        bins: (from, up to, number of texts) of a histogram with steps of 1, 2 or 5 times a power of ten.
    """

    shortest: int
    median: int
    longest: int
    bins: tuple[tuple[int, int, int], ...]


@dataclass(frozen=True)
class SplitFacts:
    """One split: rows by language, by origin (`own` for the user's) and by label, and the lengths of their texts."""

    rows: int
    languages: Mapping[str, int]
    origins: Mapping[str, int]
    labels: Mapping[str, int]
    inputs: Lengths
    outputs: Lengths

    @property
    def generated(self) -> int:
        """Number of generated rows."""
        return self.rows - self.origins.get(OWN, 0)


def measure(task: Task, frozen: FrozenDataset) -> dict[SplitName, SplitFacts]:
    """The facts of every split."""
    kinds = {(line.split, line.example): line.origin.kind for line in frozen.lineage}
    return {
        name: SplitFacts(
            rows=len(rows),
            languages=_counted(task.language_of(row.language) for row in rows),
            origins=_counted(kinds.get((name, row.id), OWN) for row in rows),
            labels=label_counts(task, rows),
            inputs=lengths([len(row.input) for row in rows]),
            outputs=lengths([len(row.output) for row in rows]),
        )
        for name, rows in frozen.splits.items()
    }


def label_counts(task: Task, rows: Iterable[Example]) -> dict[str, int]:
    """Number of rows per label, item of a closed list or number, the commonest first; empty for other outputs.

    A number with many values is counted in ranges of whole numbers.
    """
    rows = list(rows)
    numbers = Counter(number for row in rows if (number := task.output.number_of(row.output)) is not None)
    if len(numbers) > MOST_BINS:
        low = int(min(numbers))
        step = _step(int(max(numbers)) - low)
        places = Counter((int(number) - low) // step for number in numbers.elements())
        return {f"{low + place * step}…{low + (place + 1) * step}": places[place] for place in range(max(places) + 1)}
    if numbers:
        return {f"{number:g}": numbers[number] for number in sorted(numbers)}
    return _counted(label for row in rows for label in task.output.chosen(row.output, task.language_of(row.language)))


def lengths(values: Sequence[int]) -> Lengths:
    """Least, middle and greatest of some lengths, and their histogram."""
    if not values:
        return Lengths(0, 0, 0, ())
    ordered = sorted(values)
    step = _step(ordered[-1])
    counts = Counter(value // step for value in values)
    bins = tuple((place * step, (place + 1) * step, counts[place]) for place in range(min(counts), max(counts) + 1))
    return Lengths(ordered[0], ordered[len(ordered) // 2], ordered[-1], bins)


def _step(longest: int) -> int:
    """The smallest of 1, 2, 5 times a power of ten that needs at most `MOST_BINS` bins."""
    power = 1
    while True:
        for factor in (1, 2, 5):
            if longest // (factor * power) < MOST_BINS:
                return factor * power
        power *= 10


def _counted(names: Iterable[str]) -> dict[str, int]:
    return dict(sorted(Counter(names).items(), key=lambda item: (-item[1], item[0])))


def data_warnings(
    task: Task, manifest: DatasetManifest, facts: Mapping[SplitName, SplitFacts], language: Language = "en"
) -> list[str]:
    """Sentences for everybody who uses the data set or reads scores on it, the gravest first."""
    found = [*_about_test(task, manifest, facts, language), *_about_train(task, facts)]
    generated = manifest.generated
    if generated and (unseen := generated.decisions.get("unseen", 0)):
        rows = sum(generated.rows.values())
        found.append(("unseen", {"rows": min(unseen, rows), "generated": rows}))
    separator = {"en": ", ", "zh": "、"}[language]
    return [
        _WORDS[language][code].format(
            **{name: separator.join(value) if isinstance(value, list) else value for name, value in values.items()}
        )
        for code, values in found
    ]


def _about_test(
    task: Task, manifest: DatasetManifest, facts: Mapping[SplitName, SplitFacts], language: Language
) -> Iterator[tuple[str, dict[str, Any]]]:
    test = facts.get("test")
    if test is None or not test.rows:
        yield "no_test", {}
        return
    if count := manifest.generated_in("test"):
        code = "all_generated" if count == test.rows else "some_generated"
        yield code, {"generated": count, "rows": test.rows, "own": test.rows - count}
        if manifest.generated and manifest.generated.split_by == "passage":
            yield "same_documents", {}
    if test.rows < FEW_TEST_ROWS:
        yield "few_test", {"rows": test.rows}
    for spoken in (spoken for spoken in task.languages if not test.languages.get(spoken)):
        yield "no_language", {"language": _LANGUAGES[language][spoken]}


def _about_train(task: Task, facts: Mapping[SplitName, SplitFacts]) -> Iterator[tuple[str, dict[str, Any]]]:
    train = facts.get("train")
    if train is None:
        return
    spoken = [language for language in task.languages if train.languages.get(language)]
    known = dict.fromkeys(label for language in spoken for label in task.labels_in(language) or ())
    if missing := [label for label in known if not train.labels.get(label)]:
        yield "missing_labels", {"labels": _some(missing)}
    if rare := [label for label in known if 0 < train.labels.get(label, 0) < FEW_OF_A_LABEL]:
        yield "rare_labels", {"labels": _some(rare), "least": FEW_OF_A_LABEL}


def _some(labels: list[str]) -> list[str]:
    return labels if len(labels) <= _LABELS_SHOWN else [*labels[:_LABELS_SHOWN], f"… (+{len(labels) - _LABELS_SHOWN})"]
