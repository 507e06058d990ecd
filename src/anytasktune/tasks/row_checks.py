"""Review of a task by its rows: the kind of output, shortcuts that need no model, demands too high for a small model."""

import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from statistics import median

from anytasktune.records import Language
from anytasktune.schema import Task
from anytasktune.scorers import broken_rules
from anytasktune.tasks.findings import At, Finding, PlacedRow, rows_in
from anytasktune.tasks.split_checks import conflicting_answers
from anytasktune.text.numbers import numbers_in
from anytasktune.text.personal_data import find_personal_data
from anytasktune.text.scripts import tokens

Rows = Sequence[PlacedRow]
FEWEST_ROWS = 12
"""With fewer rows nothing is said about what they have in common."""
ALWAYS = 0.9
"""Share of rows from which a shortcut solves a task."""
LONGEST_ANSWER: dict[Language, int] = {"en": 250, "zh": 500}
"""Words or characters of a usual answer above which a small model loses the thread."""
SHOWN = 3
_ONE_SIDED = 0.6
_OUTSIDE = 0.3
_DATE = re.compile(
    r"\d{4}[-/.年]\d{1,2}(?:[-/.月]\d{1,2}日?)?|\d{1,2}[-/.]\d{1,2}[-/.]\d{2,4}|\d{1,2}月\d{1,2}日|"
    r"\d{1,2} (?:January|February|March|April|May|June|July|August|September|October|November|December)(?: \d{4})?|"
    r"(?:January|February|March|April|May|June|July|August|September|October|November|December) \d{1,2}(?:, \d{4})?"
)
_NUMBER = re.compile(r"\d[\d,]*(?:\.\d+)?")
_ESSAY = re.compile(
    r"\b(?:essay|article|detailed report|blog post|in detail|at length)\b|论文|详细论述|长文|全文撰写|一篇文章", re.I
)


def personal_data(task: Task, rows: Rows) -> Iterator[Finding]:
    """Phone numbers, addresses and the like in a row."""
    for row in rows:
        for found in find_personal_data(f"{row.example.input}\n{row.example.output}"):
            kind = found.kind.replace("_", " ")
            why = f"{found.text!r} looks like a person's {kind}: anyone who has the Task-LM may extract it"
            yield Finding("personal_data", "error", why, "replace it by an invented one, or remove it", (), row.place)


def unlike_handed_over(task: Task, earlier: Task | None, rows: Rows) -> Iterator[Finding]:
    """Inputs of a chained task that do not look like outputs of the step they come from."""
    if earlier is None:
        return
    broken = {row.place: rules for row in rows if (rules := broken_as_hand_over(earlier, row))}
    for place, rules in list(broken.items())[:SHOWN]:
        why = f"the input is not what {earlier.name} hands over ({', '.join(rules)}); {len(broken)} such rows in all"
        yield Finding(
            "unlike_handed_over", "error", why, f"write the input in the form of an output of {earlier.name}", (), place
        )


def broken_as_hand_over(earlier: Task, row: PlacedRow) -> list[str]:
    """Rules of the earlier task that the row's input breaks, as a whole answer or as one item of it; the fewer of both.

    One line of a text of several, one label of a list or one element of a JSON array may be handed over at a time. Whether
    it copies from the earlier step's own input cannot be seen here.
    """
    language, text = row.example.language, row.example.input
    whole = [rule for rule in broken_rules(earlier, text, text, language) if rule != "copies_from_input"]
    if earlier.rules.max_items is None or earlier.output.atomic:
        return whole
    return min(whole, earlier.output.part_faults(text, whole), key=len)


def rows_without_instruction(task: Task, rows: Rows) -> Iterator[Finding]:
    """Languages with an instruction and no rows, or with rows and no instruction."""
    spoken = Counter(row.example.language or task.languages[0] for row in rows)
    at: At = ("tasks", task.name, "instruction")
    for language in task.languages if rows else ():
        if not spoken[language]:
            why = f"there is an instruction in {language} and no row: the Task-LM cannot learn it"
            yield Finding("language_without_rows", "advice", why, f"add rows in {language}, or delete its instruction", at)
    for language in (language for language in spoken if language not in task.languages):
        why = f"there are rows in {language} ({spoken[language]}), and no instruction in it"
        yield Finding("language_missing", "error", why, f"write instruction.{language}", at)


def other_kind(task: Task, rows: Rows) -> Iterator[Finding]:
    """Answers that would better be of another kind, or judged by another metric."""
    outputs = [row.example.output.strip() for row in rows]
    if len(outputs) < FEWEST_ROWS:
        return
    if remark := task.output.other_kind(outputs):
        yield Finding.of(remark, ("tasks", task.name, "output", "kind"))
    if task.scored_by == "accuracy":
        answer, times = Counter(outputs).most_common(1)[0]
        if times > _ONE_SIDED * len(outputs):
            why = f"{times} of {len(outputs)} rows answer {answer!r}: always answering this already scores well in accuracy"
            yield Finding("metric_misfit", "advice", why, "metric: macro_f1", ("tasks", task.name, "metric"))


def regular_expression_solves(task: Task, rows: Rows) -> Iterator[Finding]:
    """Rows that a constant, or a simple pattern found in the input, answers."""
    at: At = ("tasks", task.name, "output")
    for language in task.languages:
        pairs = [(row.example.input, row.example.output.strip()) for row in rows_in(task, rows, language)]
        if len(pairs) < FEWEST_ROWS:
            continue
        if shortcut := _shortcut_for_all(task, language, pairs):
            why = f"{shortcut} answers at least {ALWAYS:.0%} of the {language} rows, and needs no model"
            yield Finding(
                "regular_expression_solves", "advice", why, "write a program for it, or add the rows where it is wrong", at
            )


def _shortcut_for_all(task: Task, language: Language, pairs: Sequence[tuple[str, str]]) -> str:
    labels = (task.labels_in(language) or []) if task.output.single_choice else []
    hits = sum([label for label in labels if label.casefold() in text.casefold()] == [output] for text, output in pairs)
    if hits >= ALWAYS * len(pairs):
        return "the only label that occurs in the input"
    fields = [(text, found) for text, output in pairs if (found := task.output.fields(output)) is not None]
    if len(fields) < ALWAYS * len(pairs):
        return ""
    keys = sorted({key for _, found in fields for key in found})
    shortcuts = {key: _shortcut([(text, found.get(key, "null")) for text, found in fields]) for key in keys}
    return ", ".join(f"{key}: {how}" if key else how for key, how in shortcuts.items()) if all(shortcuts.values()) else ""


def _shortcut(pairs: Sequence[tuple[str, str]]) -> str:
    answer, times = Counter(output for _, output in pairs).most_common(1)[0]
    if times >= ALWAYS * len(pairs):
        return f"always {answer!r}"
    for name, pick in _PICKS.items():
        if sum(pick(text) == output for text, output in pairs) >= ALWAYS * len(pairs):
            return name
    return ""


def _first(pattern: re.Pattern[str]) -> Callable[[str], str]:
    return lambda text: found.group() if (found := pattern.search(text)) else ""


def _last(pattern: re.Pattern[str]) -> Callable[[str], str]:
    return lambda text: found[-1] if (found := pattern.findall(text)) else ""


def _part(split: Callable[[str], list[str]], place: int) -> Callable[[str], str]:
    return lambda text: parts[place].strip() if (parts := split(text.strip())) else ""


_PICKS: dict[str, Callable[[str], str]] = {
    "the input itself": str.strip,
    "the first number": _first(_NUMBER),
    "the last number": _last(_NUMBER),
    "the first date": _first(_DATE),
    "the last date": _last(_DATE),
    "the first line": _part(str.splitlines, 0),
    "the last line": _part(str.splitlines, -1),
    "the first sentence": _part(lambda text: re.findall(r"[^.!?。！？]+[.!?。！？]?", text), 0),
    "the last sentence": _part(lambda text: re.findall(r"[^.!?。！？]+[.!?。！？]?", text), -1),
    "the text before the first colon": _part(lambda text: re.split("[:：]", text, maxsplit=1), 0),
    "the text after the first colon": _part(lambda text: re.split("[:：]", text, maxsplit=1), -1),
    "the first quotation": _part(lambda text: re.findall(r"[\"“「『《]([^\"”」』》]+)[\"”」』》]", text), 0),
}


def too_much_for_a_small_model(task: Task, rows: Rows) -> Iterator[Finding]:
    """Very long answers, essays, and facts that the input does not hold."""
    at: At = ("tasks", task.name, "output")
    for language, text in task.instruction.items():
        if (found := _ESSAY.search(text)) and task.output.free_text:
            why = f"{found.group()!r}: small models lose track in long texts"
            instead = "split the task: an outline, then one short part at a time"
            yield Finding("too_much", "advice", why, instead, ("tasks", task.name, "instruction", language))
    for language in task.languages:
        spoken = rows_in(task, rows, language)
        if len(spoken) < FEWEST_ROWS:
            continue
        usual = median(len(tokens(row.example.output)) for row in spoken)
        if usual > LONGEST_ANSWER[language]:
            why = f"a usual {language} answer has {usual:.0f} words; small models do well up to {LONGEST_ANSWER[language]}"
            yield Finding("too_much", "advice", why, "split the task into steps with short answers", at)
        outside = [row for row in spoken if _numbers_from_nowhere(task, row)]
        if len(outside) > _OUTSIDE * len(spoken):
            why = f"{len(outside)} of {len(spoken)} {language} answers contain numbers that their input does not"
            instead = f"add their source to the input, or remove them (as in {outside[0].place})"
            yield Finding("outside_facts", "advice", why, instead, at)


def _numbers_from_nowhere(task: Task, row: PlacedRow) -> bool:
    """Whether the answer contains a number that the input has neither in digits nor in words."""
    fixed, language = task.output.fixed_words, task.language_of(row.example.language)
    said = " ".join(text for _, text in task.output.pieces(row.example.output, language) if text not in fixed)
    given, known = set(_NUMBER.findall(row.example.input)), numbers_in(row.example.input)
    return any(number not in given and not numbers_in(number) <= known for number in _NUMBER.findall(said))


def contradictions(task: Task, rows: Rows) -> Iterator[Finding]:
    """The same input with several answers."""
    yield from conflicting_answers(task, {"train": [row.example for row in rows]}, lambda _, number, __: rows[number - 1].place)


CHECKS = (
    personal_data,
    contradictions,
    rows_without_instruction,
    other_kind,
    regular_expression_solves,
    too_much_for_a_small_model,
)
