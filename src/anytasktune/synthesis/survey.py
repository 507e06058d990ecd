"""Questions asked once per task and language, before the inputs: situations, and whether documents are inputs as they stand."""

from collections.abc import Sequence
from itertools import islice
from typing import Any, Literal

from anytasktune.ids import shuffled
from anytasktune.llm.asking import Asker, MisfitError, Question
from anytasktune.records import Language
from anytasktune.schema import Passage
from anytasktune.similarity import jaccard
from anytasktune.synthesis.brief import Brief, object_schema
from anytasktune.synthesis.candidate_plan import ROWS_PER_QUESTION, passages_in
from anytasktune.synthesis.excerpts import COPIED, by_turns
from anytasktune.synthesis.retry_messages import say
from anytasktune.text.plain_text import collapse_space, copied_share, normalise
from anytasktune.text.scripts import is_in_script, tokens

PER_QUESTION = 10
MOST_QUESTIONS = 10
SAME_SITUATION = 0.5
"""Two situations this similar (Jaccard over character 5-grams) are one."""
_FEWEST = 3
_FEWEST_WORDS = 5
_STRAY = ' ,;:，；：、-*"“”[]{}'
"""Characters that small models leave around the entries of a list."""
_LONGEST = 240
_SHOWN = 3
_PASSAGES = 3
_SHOWN_CHARACTERS = 600
Choice = Literal["yes", "no"]


def situation_questions(brief: Brief) -> list[Question[list[str]]]:
    """Questions about the situations a task comes up in: more, the more rows are wanted, each with other known inputs."""
    count = min(MOST_QUESTIONS, -(-brief.config.rows // ROWS_PER_QUESTION))
    return [_situation_question(brief, place) for place in range(count)]


def _situation_question(brief: Brief, place: int) -> Question[list[str]]:
    shown = _shown(brief, place)
    material = [brief.instruction, *shown]
    texts = {"type": "array", "items": {"type": "string"}, "minItems": PER_QUESTION, "maxItems": PER_QUESTION}
    return Question(
        brief.messages("situations", material, count=PER_QUESTION, instruction=brief.instruction, shown=shown),
        object_schema({"situations": texts}),
        lambda said: read_situations(said, brief.language, material),
        brief.language,
        temperature=brief.config.temperature,
        sample=place,
    )


def _shown(brief: Brief, place: int) -> list[str]:
    drawn = brief.shots.draw(brief.config.seed, "situations", brief.language, place)
    return [row.input[:_SHOWN_CHARACTERS] for row in islice(drawn, min(_SHOWN, brief.config.shots))]


def read_situations(said: Any, language: Language, shown: Sequence[str] = ()) -> list[str]:
    """The situations in an answer that are in `language`, short enough and different from each other.

    Args:
        shown: what the teacher was told; a piece of it is no situation.

    Raises:
        MisfitError: there are too few.
    """
    given = next((value for value in said.values() if isinstance(value, list)), []) if isinstance(said, dict) else []
    texts = [collapse_space(one).strip(_STRAY) for one in given if isinstance(one, str)]
    told = "\n".join(shown)
    usable = different(
        [
            text
            for text in texts
            if len(tokens(text)) >= _FEWEST_WORDS
            and len(text) <= _LONGEST
            and copied_share(text, told) < COPIED
            and is_in_script(text, language)
        ]
    )
    if len(usable) < _FEWEST:
        raise MisfitError(say("few_situations", language))
    return usable


def different(texts: Sequence[str]) -> list[str]:
    """The texts without those that are nearly the same as an earlier one."""
    kept: list[str] = []
    for text in texts:
        if not any(normalise(text) == normalise(other) or jaccard(text, other) >= SAME_SITUATION for other in kept):
            kept.append(text)
    return kept


def ask_situations(asker: Asker, briefs: Sequence[Brief]) -> dict[Language, list[list[str]]]:
    """Different situations in which the task comes up, per language and question: its own and those of earlier questions.

    They are none where the teacher names no usable ones.
    """
    questions = [(brief.language, question) for brief in briefs for question in situation_questions(brief)]
    replies = asker.ask_all([question for _, question in questions])
    found: dict[Language, list[list[str]]] = {brief.language: [] for brief in briefs}
    for (language, _), reply in zip(questions, replies, strict=True):
        earlier = found[language][-1] if found[language] else []
        found[language].append(different([*earlier, *(reply.value or [])]))
    return found


def document_questions(brief: Brief, passages: Sequence[Passage]) -> list[Question[Choice]]:
    """Questions whether the text of documents is, as it stands, an input of the task."""
    seed, language = brief.config.seed, brief.language
    usable = by_turns(shuffled(passages_in(passages, language), seed, "as_it_stands", language))[:_PASSAGES]

    def read(said: Any) -> Choice:
        given = said.get("answer", next(iter(said.values()), "")) if isinstance(said, dict) else said
        answer = normalise(str(given)).strip(" .。!！")
        if answer not in {"yes", "no", "是", "否", "不是"}:
            raise MisfitError(say("no_choice", language))
        return "yes" if answer in {"yes", "是"} else "no"

    schema = object_schema({"answer": {"type": "string", "enum": ["yes", "no"]}})
    questions = []
    for place, passage in enumerate(usable):
        shown = _shown(brief, place)
        told = {"instruction": brief.instruction, "shown": shown, "passage": passage.text}
        messages = brief.messages("as_it_stands", [brief.instruction, passage.text, *shown], **told)
        questions.append(Question(messages, schema, read, language))
    return questions


def ask_documents(asker: Asker, briefs: Sequence[Brief], passages: Sequence[Passage]) -> frozenset[Language]:
    """The languages in which excerpts of documents are inputs as they stand: the teacher says so of most it is shown."""
    briefs = [brief for brief in briefs if "passage" in brief.config.inputs_from and not brief.input_keys]
    questions = [(brief.language, question) for brief in briefs for question in document_questions(brief, passages)]
    replies = asker.ask_all([question for _, question in questions])
    votes: dict[Language, int] = {}
    for (language, _), reply in zip(questions, replies, strict=True):
        votes[language] = votes.get(language, 0) + {"yes": 1, "no": -1}.get(reply.value or "no", -1)
    return frozenset(language for language, balance in votes.items() if balance > 0)
