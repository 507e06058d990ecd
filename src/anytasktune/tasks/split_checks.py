"""Warnings about a task's rows as they are divided: contradictions, labels or splits without rows, a model of another language.

None of it keeps a row from being trained on; each says which rows it means and how many.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from anytasktune.errors import counted
from anytasktune.records import Language
from anytasktune.schema import SPLIT_NAMES, Example, SplitName, Task
from anytasktune.scorers import item_value, share_of_best
from anytasktune.tasks.findings import Finding
from anytasktune.text.plain_text import normalise, shorten
from anytasktune.text.scripts import HAN_CHARACTER, is_in_script

SHOWN = 3
"""Places and conflicts that are named one by one."""
LABELS_SHOWN = 8
FOREIGN = 1.4
"""Tokens of a Chinese character from which a tokenizer was not made for Chinese: SmolLM2 takes 1.9, Qwen 0.6."""
_READ = 4000
_FEWEST_CHARACTERS = 20
_ANSWER = 40

Place = Callable[[SplitName, int, Example], str]
"""Split, number of the row in it from 1, row → place in a file."""
Splits = Mapping[SplitName, Sequence[Example]]


@dataclass(frozen=True)
class _Row:
    split: SplitName
    number: int
    example: Example


def split_findings(task: Task, splits: Splits, place: Place) -> list[Finding]:
    """All warnings about the rows of a task, in the order contradictions, labels, splits."""
    return [*conflicting_answers(task, splits, place), *labels_without_rows(task, splits, place), *no_dev_rows(task, splits)]


def conflicting_answers(task: Task, splits: Splits, place: Place) -> Iterator[Finding]:
    """The same input, but for case, width and space, with several answers; not of texts, where several may be right.

    Inputs in two languages are not the same, even where their words are.
    """
    if task.output.free_text:
        return
    same: dict[tuple[Language, str], list[_Row]] = defaultdict(list)
    for row in _rows(splits):
        same[task.language_of(row.example.language), normalise(row.example.input)].append(row)
    groups = [rows for rows in same.values() if len(rows) > 1 and _answers(task, rows) > 1]
    rows = sum(map(len, groups))
    for group in groups[:SHOWN]:
        other = next(row for row in group[1:] if _differ(task, group[0], row))
        apart = group[0].split != other.split
        first, second = (
            f"{shorten(row.example.output, _ANSWER)!r} ({place(row.split, row.number, row.example)}"
            + (f" in {row.split})" if apart else ")")
            for row in (group[0], other)
        )
        why = f"the same input is answered {first} and {second}; {counted(len(groups), 'such input')} in {counted(rows, 'row')}"
        yield Finding(
            "conflicting_answers",
            "advice",
            why,
            "keep the right answer, or put what decides between them into the input",
            (),
            place(group[0].split, group[0].number, group[0].example),
        )


def labels_without_rows(task: Task, splits: Splits, place: Place) -> Iterator[Finding]:
    """Labels of a closed list that no train row or no test row has, of the languages the rows are in."""
    rows: dict[SplitName, dict[str, list[_Row]]] = {name: defaultdict(list) for name in SPLIT_NAMES}
    spoken: set[Language] = set()
    for row in _rows(splits):
        language = task.language_of(row.example.language)
        spoken.add(language)
        for label in set(task.output.chosen(row.example.output, language)):
            rows[row.split][label].append(row)
    known = dict.fromkeys(
        label for language in task.languages if language in spoken for label in task.labels_in(language) or ()
    )
    if not known:
        return
    at = ("tasks", task.name, "output", "labels")
    if splits.get("train") and (missing := [label for label in known if not rows["train"][label]]):
        held_out = [row for label in missing for name in ("dev", "test") for row in rows[name][label]]
        places = [place(row.split, row.number, row.example) for row in held_out[:SHOWN]]
        there = (
            f"; {counted(len(held_out), 'dev and test row')} have {'it' if len(missing) == 1 else 'them'}: " if held_out else ""
        )
        more = f" and {len(held_out) - SHOWN} more" if len(held_out) > SHOWN else ""
        why = f"no train row has the answer {_some(missing)} ({len(missing)} of {len(known)} labels)"
        why += f", so it is never learned{there}{', '.join(places)}{more}"
        yield Finding("label_without_rows", "advice", why, "add train rows with these answers, or remove the labels", at)
    untested = [label for label in known if rows["train"][label] and not rows["test"][label]]
    if splits.get("test") and untested:
        trained = sum(len(rows["train"][label]) for label in untested)
        why = f"no test row has the answer {_some(untested)} ({len(untested)} of {len(known)} labels, "
        why += f"{counted(trained, 'train row')}): the score says nothing about it"
        yield Finding("label_without_rows", "advice", why, "add rows with these answers; more rows, or a larger split.test", at)


def no_dev_rows(task: Task, splits: Splits) -> Iterator[Finding]:
    """Training that nothing can stop early."""
    if splits.get("train") and not splits.get("dev"):
        why = f"there are no dev rows beside {counted(len(splits['train']), 'train row')}: training runs all its epochs and "
        why += "keeps the last weights, although earlier ones may be better"
        instead = "import dev rows (--split dev), or let some be taken from the others (split.dev above 0)"
        yield Finding("no_dev_rows", "advice", why, instead, ("tasks", task.name))


def foreign_model(
    task: Task, splits: Splits, place: Place, count_tokens: Callable[[str], int], model: str, better: str
) -> Iterator[Finding]:
    """Chinese rows for a model whose tokenizer falls apart on them.

    Args:
        count_tokens: tokens the model reads a text as.
        model: its name.
        better: name of a model that speaks Chinese.
    """
    texts = [(row, f"{row.example.input}\n{row.example.output}") for row in _rows(splits)]
    chinese = [(row, text) for row, text in texts if HAN_CHARACTER.search(text) and is_in_script(text, "zh")]
    read = "".join(HAN_CHARACTER.findall("".join(text for _, text in chinese[:_READ])))[:_READ]
    if len(read) < _FEWEST_CHARACTERS:
        return
    share = count_tokens(read) / len(read)
    if share > FOREIGN:
        why = f"{model} reads a Chinese character as {share:.1f} tokens, so it hardly knows Chinese (models that do need "
        why += f"0.5 to 1); {len(chinese)} of {sum(map(len, splits.values()))} rows are in Chinese"
        first = chinese[0][0]
        yield Finding(
            "foreign_model",
            "advice",
            why,
            f"choose a model that speaks it: -c train.model={better}",
            (),
            place(first.split, first.number, first.example),
        )


def learned_test_rows(task: Task, splits: Splits, place: Place, learned: Mapping[str, Sequence[Example]]) -> Iterator[Finding]:
    """Test rows whose inputs a Task-LM of the project was trained on, before the rows were changed or divided otherwise.

    Args:
        learned: name of a Task-LM → the train rows of the task it learned.
    """
    for name, examples in learned.items():
        inputs = {normalise(example.input) for example in examples}
        known = [row for row in _rows({"test": splits.get("test", ())}) if normalise(row.example.input) in inputs]
        if known:
            places = [place(row.split, row.number, row.example) for row in known]
            more = f" and {len(known) - SHOWN} more" if len(known) > SHOWN else ""
            why = f"{name} was trained on {len(known)} of {counted(len(splits['test']), 'test row')}: "
            why += f"{', '.join(places[:SHOWN])}{more}; it is not compared on them"
            instead = "train it again, and take no model made from it as train.model"
            yield Finding("learned_test_rows", "advice", why, instead, (), places[0])


def _rows(splits: Splits) -> Iterator[_Row]:
    for split in SPLIT_NAMES:
        for number, example in enumerate(splits.get(split, ()), 1):
            yield _Row(split, number, example)


def _answers(task: Task, rows: Sequence[_Row]) -> int:
    """Number of answers that differ from the first one, and the first one."""
    return 1 + sum(_differ(task, rows[0], row) for row in rows[1:])


def _differ(task: Task, one: _Row, two: _Row) -> bool:
    first, second = one.example.output, two.example.output
    return normalise(first) != normalise(second) and share_of_best(task, item_value(task, first, second)) < 1


def _some(labels: Sequence[str]) -> str:
    shown = ", ".join(repr(label) for label in labels[:LABELS_SHOWN])
    return shown if len(labels) <= LABELS_SHOWN else f"{shown} and {len(labels) - LABELS_SHOWN} more"
