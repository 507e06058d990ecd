"""The interview: which question comes next, and the draft that the answers make. Nothing is asked or written here."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from anytasktune.outputs import JsonOutput, LabelOutput, LabelsOutput, NumberOutput, Output, Rules, TextOutput
from anytasktune.records import Language
from anytasktune.schema.kept_answers import InterviewLine
from anytasktune.tasks import interview_answers as answers
from anytasktune.tasks.interview_answers import word, words
from anytasktune.tasks.pool_drafts import ActionDraft, Bilingual, PoolDraft, StepDraft, output_of_fields, proper_name
from anytasktune.text.plain_text import collapse_space

LANGUAGES: tuple[Language, ...] = ("en", "zh")


@dataclass(frozen=True)
class Question:
    """One question.

    Attributes:
        id: the same in every language and every run, e.g. `action_1.step_2.kind`.
        topic: its key among the interview's words.
        read: makes a value of what was typed, or raises AnswerError.
        values: what stands for `{…}` in its words.
        ends_list: an empty answer says that there is no more.
        translatable: it is asked once in every language.
        before: what was said in the other language.
    """

    id: str
    topic: str
    read: Callable[[str], Any] = collapse_space
    values: Mapping[str, object] = field(default_factory=dict)
    ends_list: bool = False
    translatable: bool = True
    before: str = ""

    def said_in(self, language: Language) -> str:
        """The question itself."""
        said = words(language)[self.topic]["ask"].format(**self.values)
        return f"{said}\n  {word('before', language).format(said=self.before)}" if self.before else said

    def help_in(self, language: Language) -> str:
        """Its purpose, with an example."""
        topic = words(language)[self.topic]
        return f"{topic['help']}  {word('example', language)}{topic['example']}"


class Interview:
    """All answers so far.

    Args:
        lines: answers, skipped questions and withdrawals, in order. The first line's language is that in which everything
            was asked; in the other one only texts are asked again.
    """

    def __init__(self, lines: Iterable[InterviewLine] = ()) -> None:
        self._held: dict[Language, list[InterviewLine]] = {language: [] for language in LANGUAGES}
        self.first: Language | None = None
        for line in lines:
            self.add(line)

    def add(self, line: InterviewLine) -> None:
        """Add a line."""
        self.first = self.first or line.language
        held = self._held[line.language]
        if line.status != "withdrawn":
            held.append(line)
        elif held:
            held.pop()

    def last(self, language: Language) -> InterviewLine | None:
        """The answer that `back` takes back."""
        return self._held[language][-1] if self._held[language] else None

    def answered(self, language: Language) -> int:
        """Number of answers that hold."""
        return len(self._held[language])

    def next(self, language: Language) -> Question | None:
        """The question to ask now; None when all are answered."""
        given = self._given(language)
        script = _script(given) if language == (self.first or language) else self._again()
        return next((question for question in script if not given.settles(question)), None)

    def draft(self) -> PoolDraft:
        """The pool as far as it is known, in all languages that were spoken."""
        first = self.first or "en"
        others = [language for language in LANGUAGES if self._held[language] and language != first]
        # the first language is the default of rows
        return _Draft({language: self._given(language) for language in [first, *others]}).pool()

    def _given(self, language: Language) -> "_Given":
        return _Given({line.question: line for line in self._held[language]})

    def _again(self) -> Iterator[Question]:
        """The questions of a second language: each text that was given in the first, with what was said."""
        first = self._given(self.first or "en")
        for question in _script(first):
            if not first.settles(question):
                return
            said = first.text(question.id)
            if not (question.translatable and said):
                continue
            read = question.read
            if question.topic in {"labels", "items"}:
                if not (labels := question.read(said)):
                    continue  # free phrases
                read = answers.labels_like(len(labels))
            yield Question(question.id, question.topic, read, question.values, before=said)


@dataclass(frozen=True)
class _Given:
    """The answers in one language."""

    lines: Mapping[str, InterviewLine]

    def text(self, id_: str) -> str:
        """The typed answer; empty if there is none."""
        return self.lines[id_].answer if id_ in self.lines and self.lines[id_].status == "given" else ""

    def settles(self, question: Question) -> bool:
        """Whether a question was answered or skipped; an answer that cannot be read (any more) does not count."""
        if not (said := self.text(question.id)):
            return question.id in self.lines
        try:
            question.read(said)
        except answers.AnswerError:
            return False
        return True

    def value(self, id_: str, read: Callable[[str], Any], otherwise: Any = None) -> Any:
        """The value of an answer; `otherwise` if there is none."""
        try:
            return read(self.text(id_)) if self.text(id_) else otherwise
        except answers.AnswerError:
            return otherwise

    def numbered(self, prefix: str) -> Iterator[str]:
        """`prefix` with 1, 2, … as long as there is an answer."""
        for number in count(1):
            if not self.text(f"{prefix}{number}"):
                return
            yield f"{prefix}{number}"


_KIND_QUESTIONS: dict[str, tuple[tuple[str, Callable[[str], Any]], ...]] = {
    "label": (("labels", answers.read_labels),),
    "labels": (("items", answers.read_items), ("count", answers.read_count), ("copied", answers.read_yes_no)),
    "json": (("fields", answers.read_fields), ("copied", answers.read_yes_no)),
    "number": (("range", answers.read_range),),
    "text": (("length", answers.read_length),),
}
"""Topics that are asked about each kind of output."""


def _script(given: _Given) -> Iterator[Question]:
    """All questions in order. Each answer is looked at only after its question was settled."""
    yield Question("field", "field")
    yield Question("about", "about", translatable=False)
    yield Question("limits", "limits")
    for number in count(1):
        action = f"action_{number}"
        yield Question(action, "action", values={"number": number}, ends_list=True)
        if not given.text(action):
            return
        previous = ""
        for place in count(1):
            step = f"{action}.step_{place}"
            yield Question(step, "step", values={"action": given.text(action), "number": place}, ends_list=True)
            if not given.text(step):
                break
            yield from _about_step(step, given, previous)
            previous = given.text(step)


def _about_step(step: str, given: _Given, previous: str) -> Iterator[Question]:
    values = {"step": given.text(step)}
    yield Question(f"{step}.done_by", "done_by", values=values)
    if previous:
        both = {**values, "previous": previous}
        yield Question(f"{step}.from_previous", "from_previous", answers.read_yes_no, both, translatable=False)
    yield Question(f"{step}.guidance", "guidance", values=values)
    yield Question(f"{step}.pitfalls", "pitfalls", values=values)
    yield Question(f"{step}.kind", "kind", answers.read_kind, values, translatable=False)
    for topic, read in _KIND_QUESTIONS.get(given.value(f"{step}.kind", answers.read_kind), ()):
        if topic == "copied" and given.value(f"{step}.items", answers.read_items):
            continue  # a closed list is not copied
        yield Question(f"{step}.{topic}", topic, read, values, translatable=topic in {"labels", "items"})
    yield Question(f"{step}.hands_over", "hands_over", values=values)


class _Draft:
    """Makes a draft of the answers in each language, of which the first was asked everything."""

    def __init__(self, spoken: dict[Language, _Given]) -> None:
        self.spoken = spoken
        self.first = next(iter(spoken.values()))

    def pool(self) -> PoolDraft:
        """The whole of it."""
        return PoolDraft(
            name=proper_name(self.first.text("field")),
            title=self.texts("field"),
            description=self.first.text("about"),
            limits=self.texts("limits"),
            actions=[
                ActionDraft(
                    name=proper_name(self.first.text(action)),
                    title=self.texts(action),
                    steps=[self.step(step) for step in self.first.numbered(f"{action}.step_")],
                )
                for action in self.first.numbered("action_")
            ],
        )

    def texts(self, id_: str) -> Bilingual:
        """The answer in each language."""
        return {language: text for language, given in self.spoken.items() if (text := given.text(id_))}

    def step(self, step: str) -> StepDraft:
        """One step."""
        output, rules, left_open = self.output(step)
        return StepDraft(
            name=proper_name(self.first.text(step)),
            title=self.texts(step),
            guidance=self.guidance(step),
            done_by=self.texts(f"{step}.done_by"),
            hands_over=self.texts(f"{step}.hands_over"),
            from_previous=self.first.value(f"{step}.from_previous", answers.read_yes_no, False),
            output=output,
            rules=rules,
            left_open=left_open,
        )

    def guidance(self, step: str) -> Bilingual:
        """Directions, and then the pitfalls."""
        texts = self.texts(f"{step}.guidance")
        for language, pitfalls in self.texts(f"{step}.pitfalls").items():
            before = texts.get(language, "")
            if before and before[-1] not in ".!?。！？；;":
                before += "。" if language == "zh" else "."
            texts[language] = before + ("" if language == "zh" or not before else " ") + pitfalls
        return texts

    def output(self, step: str) -> tuple[Output | None, Rules, list[str]]:
        """The output of a step, its rules, and what is left open; None where the kind, or all labels, were skipped."""

        def value(topic: str, read: Callable[[str], Any], otherwise: Any = None) -> Any:
            return self.first.value(f"{step}.{topic}", read, otherwise)

        kind = value("kind", answers.read_kind)
        copied = Rules(copies_from_input=value("copied", answers.read_yes_no, False))
        if kind == "json":
            fields = value("fields", answers.read_fields)
            return output_of_fields(fields) if fields else JsonOutput(kind="json"), copied, []
        if kind == "number":
            return value("range", answers.read_range, NumberOutput(kind="number", minimum=1, maximum=5)), Rules(), []
        if kind == "text":
            return TextOutput(kind="text"), Rules(max_length=value("length", answers.read_length)), []
        if kind == "labels":
            low, high = value("count", answers.read_count, (None, None))
            rules = copied.model_copy(update={"min_items": low, "max_items": high})
            return LabelsOutput(kind="labels", labels=self.labels(f"{step}.items") or None), rules, []
        if kind == "label" and (labels := self.labels(f"{step}.labels")):
            return LabelOutput(kind="label", labels=labels), Rules(), []
        return None, Rules(), ["labels"] if kind == "label" else []

    def labels(self, id_: str) -> dict[Language, list[str]]:
        """The labels per language, as many in each."""
        lists = {language: given.value(id_, answers.read_items, []) for language, given in self.spoken.items()}
        sizes = [len(labels) for labels in lists.values() if labels]
        return {language: list(labels) for language, labels in lists.items() if labels and len(labels) == sizes[0]}
