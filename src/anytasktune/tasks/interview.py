"""The interview: which question comes next, and the draft that the answers make. Nothing is asked or written here."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from anytasktune.outputs import Rules
from anytasktune.records import Language
from anytasktune.schema.exchange import InterviewLine
from anytasktune.tasks import interview_answers as answers
from anytasktune.tasks.interview_words import asked, word
from anytasktune.tasks.pool_drafts import ActionDraft, Form, PoolDraft, StepDraft, Texts, proper_name

LANGUAGES: tuple[Language, ...] = ("en", "zh")


@dataclass(frozen=True)
class Question:
    """One question.

    Attributes:
        id: the same in every language and every run, e.g. `action_1.step_2.kind`.
        topic: what the interview's words call it.
        read: makes a value of what was typed, or raises AnswerError.
        values: what stands for `{…}` in its words.
        ends_list: an empty answer says that there is no more.
        translatable: it is asked once in every language.
        before: what was said in the other language.
    """

    id: str
    topic: str
    read: Callable[[str], Any] = answers.read_text
    values: Mapping[str, object] = field(default_factory=dict)
    ends_list: bool = False
    translatable: bool = True
    before: str = ""

    def said_in(self, language: Language) -> str:
        """The question itself."""
        said = asked(self.topic, language).format(**self.values)
        return f"{said}\n  {word('before', language).format(said=self.before)}" if self.before else said

    def help_in(self, language: Language) -> str:
        """What it is for, with an example."""
        return f"{asked(self.topic, language, 'help')}  {word('example', language)}{asked(self.topic, language, 'example')}"


class Interview:
    """All answers so far.

    Args:
        lines: what was answered, skipped and withdrawn, in order. The first line's language is that in which everything
            was asked; in the other one only texts are asked again.
    """

    def __init__(self, lines: Iterable[InterviewLine] = ()) -> None:
        self._held: dict[Language, list[InterviewLine]] = {language: [] for language in LANGUAGES}
        self.first: Language | None = None
        for line in lines:
            self.add(line)

    def add(self, line: InterviewLine) -> None:
        """One more line."""
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
        """How many answers hold."""
        return len(self._held[language])

    def next(self, language: Language) -> Question | None:
        """The question to ask now; None when all are answered."""
        given = self._given(language)
        script = _script(given) if language == (self.first or language) else self._again()
        return next((question for question in script if not given.settles(question)), None)

    def draft(self) -> PoolDraft:
        """What is known by now, in all languages that were spoken."""
        first = self.first or "en"
        others = [language for language in LANGUAGES if self._held[language] and language != first]
        spoken = {language: self._given(language) for language in [first, *others]}  # the first is the default of rows
        return _draft(spoken[first], spoken)

    def _given(self, language: Language) -> "_Given":
        return _Given({line.question: line for line in self._held[language]})

    def _again(self) -> Iterator[Question]:
        """What is asked in a second language: each text that was given in the first, with what was said."""
        first = self._given(self.first or "en")
        for question in _script(first):
            if not first.settles(question):
                return
            if question.translatable and first.text(question.id):
                labels = question.topic in {"labels", "items"}
                if labels and not question.read(first.text(question.id)):
                    continue  # free phrases
                read = answers.labels_like(len(question.read(first.text(question.id)))) if labels else question.read
                yield Question(question.id, question.topic, read, question.values, before=first.text(question.id))


@dataclass(frozen=True)
class _Given:
    """The answers in one language."""

    lines: Mapping[str, InterviewLine]

    def text(self, id_: str) -> str:
        """What was typed; empty if nothing was."""
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
        """What an answer means; `otherwise` if there is none."""
        try:
            return read(self.text(id_)) if self.text(id_) else otherwise
        except answers.AnswerError:
            return otherwise


def _script(given: _Given) -> Iterator[Question]:
    """All questions in order. Each answer is looked at only after its question was settled."""
    yield Question("field", "field")
    yield from _short_name("field", given)
    yield Question("about", "about", translatable=False)
    yield Question("limits", "limits")
    for number in count(1):
        action = f"action_{number}"
        yield Question(action, "action", values={"number": number}, ends_list=True)
        if not given.text(action):
            return
        yield from _short_name(action, given)
        yield from _steps(action, given)


def _steps(action: str, given: _Given) -> Iterator[Question]:
    previous = ""
    for number in count(1):
        step = f"{action}.step_{number}"
        yield Question(step, "step", values={"action": given.text(action), "number": number}, ends_list=True)
        if not given.text(step):
            return
        yield from _short_name(step, given)
        yield from _about_step(step, given.text(step), previous)
        yield from _form(step, given.text(step), given)
        previous = given.text(step)


def _about_step(step: str, title: str, previous: str) -> Iterator[Question]:
    values = {"step": title}
    yield Question(f"{step}.done_by", "done_by", values=values)
    if previous:
        yes_no = {**values, "previous": previous}
        yield Question(f"{step}.goes_on", "goes_on", answers.read_yes_no, yes_no, translatable=False)
    yield Question(f"{step}.told", "told", values=values)
    yield Question(f"{step}.hard", "hard", values=values)


def _form(step: str, title: str, given: _Given) -> Iterator[Question]:
    def fixed(topic: str, read: Callable[[str], Any]) -> Question:
        return Question(f"{step}.{topic}", topic, read, {"step": title}, translatable=False)

    yield fixed("kind", answers.read_kind)
    kind = given.value(f"{step}.kind", answers.read_kind)
    if kind == "label":
        yield Question(f"{step}.labels", "labels", answers.read_labels)
    elif kind == "labels":
        yield Question(f"{step}.items", "items", answers.read_items)
        yield fixed("count", answers.read_count)
        if not given.value(f"{step}.items", answers.read_items):
            yield fixed("copied", answers.read_yes_no)
    elif kind == "json":
        yield fixed("fields", answers.read_fields)
        yield fixed("copied", answers.read_yes_no)
    elif kind == "number":
        yield fixed("range", answers.read_range)
    elif kind == "text":
        yield fixed("length", answers.read_length)
    yield Question(f"{step}.hands_over", "hands_over", values={"step": title})


def _short_name(id_: str, given: _Given) -> Iterator[Question]:
    """Asked only where the title has no Latin letters to make a name of."""
    said = given.text(id_)
    if said and not proper_name(said):
        yield Question(f"{id_}.name", "short_name", answers.read_name, {"said": said}, translatable=False)


_Spoken = Mapping[Language, _Given]


def _draft(first: _Given, spoken: _Spoken) -> PoolDraft:
    return PoolDraft(
        name=first.value("field.name", answers.read_name, "") or proper_name(first.text("field")),
        title=_texts("field", spoken),
        description=first.text("about"),
        limits=_texts("limits", spoken),
        actions=[_action(f"action_{number}", first, spoken) for number in _numbers("action_", first)],
    )


def _action(action: str, first: _Given, spoken: _Spoken) -> ActionDraft:
    steps = [_step(f"{action}.step_{number}", first, spoken) for number in _numbers(f"{action}.step_", first)]
    return ActionDraft(name=_name(action, first), title=_texts(action, spoken), steps=steps)


def _name(id_: str, first: _Given) -> str:
    return first.value(f"{id_}.name", answers.read_name, "") or proper_name(first.text(id_))


def _step(step: str, first: _Given, spoken: _Spoken) -> StepDraft:
    return StepDraft(
        name=_name(step, first),
        title=_texts(step, spoken),
        told=_told(step, spoken),
        done_by=_texts(f"{step}.done_by", spoken),
        hands_over=_texts(f"{step}.hands_over", spoken),
        goes_on=first.value(f"{step}.goes_on", answers.read_yes_no, False),
        form=_form_of(step, first, spoken),
    )


def _told(step: str, spoken: _Spoken) -> Texts:
    """How it is done, and what is hard about it."""
    texts: Texts = {}
    for language, given in spoken.items():
        told, hard = given.text(f"{step}.told"), given.text(f"{step}.hard")
        apart, between = ("", "。") if language == "zh" else (" ", ". ")
        if told and hard:
            joined = apart if told[-1] in ".!?。！？；;" else between
            texts[language] = f"{told}{joined}{hard}"
        elif told or hard:
            texts[language] = told or hard
    return texts


def _form_of(step: str, first: _Given, spoken: _Spoken) -> Form | None:
    kind = first.value(f"{step}.kind", answers.read_kind)
    if kind is None:
        return None
    copied = first.value(f"{step}.copied", answers.read_yes_no, False)
    if kind == "json":
        fields = first.value(f"{step}.fields", answers.read_fields)
        return answers.form_of_fields(fields, copied) if fields else Form(kind="json", rules=Rules(copies_from_input=copied))
    if kind == "number":
        number = first.value(f"{step}.range", answers.read_range, answers.Number(1, 5, 0))
        return Form(kind="number", minimum=number.low, maximum=number.high, decimals=number.decimals)
    if kind == "text":
        return Form(kind="text", rules=Rules(max_length=first.value(f"{step}.length", answers.read_length)))
    topic = "labels" if kind == "label" else "items"
    lists = {language: given.value(f"{step}.{topic}", answers.read_items, []) for language, given in spoken.items()}
    return Form(kind=kind, labels=_of_equal_length(lists), rules=_counted(step, first, copied))


def _counted(step: str, first: _Given, copied: bool) -> Rules:
    low, high = first.value(f"{step}.count", answers.read_count, (None, None))
    return Rules(min_items=low, max_items=high, copies_from_input=copied)


def _of_equal_length(lists: Mapping[Language, Sequence[str]]) -> dict[Language, list[str]]:
    sizes = [len(labels) for labels in lists.values() if labels]
    return {language: list(labels) for language, labels in lists.items() if labels and len(labels) == sizes[0]}


def _texts(id_: str, spoken: _Spoken) -> Texts:
    return {language: given.text(id_) for language, given in spoken.items() if given.text(id_)}


def _numbers(prefix: str, given: _Given) -> Iterator[int]:
    """1, 2, … as long as there is an answer."""
    for number in count(1):
        if not given.text(f"{prefix}{number}"):
            return
        yield number
