"""Closed lists of labels: one that holds in every language, or one per language, in which equal positions mean the same."""

import difflib
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any

from pydantic import Discriminator, Field, Tag

from anytasktune.outputs.output_kind import UntranslatableError
from anytasktune.outputs.output_remarks import Remark, names_after
from anytasktune.outputs.rules import Violation
from anytasktune.records import IN_ALL_LANGUAGES, PER_LANGUAGE, Language, fault
from anytasktune.text.plain_text import listed, normalise, shorten

_CLOSE = 0.5
_LIST_OF_LABELS = re.compile(r"(?:one of|以下之一|下列之一|之一)[^:：,，]{0,20}?[:：]?\s*([^.。;；\n]+)", re.I)


def _form_of_labels(labels: Any) -> str:
    return PER_LANGUAGE if isinstance(labels, Mapping) else IN_ALL_LANGUAGES


_Choice = Annotated[list[str], Field(min_length=2)]
Choice = Annotated[
    Annotated[_Choice, Tag(IN_ALL_LANGUAGES)] | Annotated[dict[Language, _Choice], Tag(PER_LANGUAGE)],
    Discriminator(_form_of_labels),
]
Labels = Annotated[
    Annotated[list[str], Tag(IN_ALL_LANGUAGES)] | Annotated[dict[Language, list[str]], Tag(PER_LANGUAGE)],
    Discriminator(_form_of_labels),
]
LabelLists = list[str] | dict[Language, list[str]]


def all_labels(labels: LabelLists | None) -> list[str]:
    """The labels of all languages, each once."""
    lists = labels.values() if isinstance(labels, dict) else [labels or []]
    return list(dict.fromkeys(label for names in lists for label in names))


def labels_of(labels: LabelLists | None, language: Language | None) -> list[str] | None:
    """The list that holds in `language`; None where there is no closed list."""
    if not isinstance(labels, dict):
        return labels
    return labels[language] if language in labels else next(iter(labels.values()))


def counterpart(labels: LabelLists | None, language: Language, text: str, reference: str) -> str:
    """`text` as the label of `language` at the same position, see `OutputKind.in_language`."""
    own = next((names for names in labels.values() if reference in names), None) if isinstance(labels, dict) else None
    if not isinstance(labels, dict) or own is None:
        return text
    return labels[language][own.index(text)] if text in own else ""


def same_label(labels: LabelLists | None, one: str, other: str) -> bool:
    """Whether two labels are equal, or stand at the same position in the lists of two languages."""
    lists = list(labels.values()) if isinstance(labels, dict) else []
    first, second = ({names.index(label) for names in lists if label in names} for label in (one, other))
    return one == other or bool(first & second)


def unknown_label(text: str, labels: Sequence[str]) -> Violation:
    """The fault of an answer that is none of `labels`, with the nearest of them."""
    folded = {label.casefold(): label for label in labels}
    close = difflib.get_close_matches(text.casefold(), folded, n=1, cutoff=_CLOSE)
    fix = f"did you mean {folded[close[0]]!r}?" if close else f"use one of: {shorten(', '.join(labels), 200)}"
    what = f"{shorten(text)!r} is not one of the task's {len(labels)} labels"
    return Violation("unknown_label", what, fix, "答案不在可选范围内。")


def label_remarks(labels: Sequence[str], text: str) -> Iterator[Remark]:
    """Labels that an instruction does not name, and ones it names that are none."""
    if missing := [label for label in labels if label not in text]:
        why = f"the instruction does not name {listed(missing)}, so an untuned model cannot answer and a reader cannot check"
        instead = "list all labels in the instruction, spelt as in output.labels"
        yield Remark("label_unnamed", "error", why, instead)
    for named in names_after(_LIST_OF_LABELS, text, " \"'“”‘’"):
        unknown = [name for name in named if name and name not in labels and not any(name in label for label in labels)]
        if sum(name in labels for name in named) >= max(2, len(unknown) + 1) and unknown:
            why = f"the instruction lists {listed(unknown)}, which output.labels does not have"
            yield Remark("label_unknown", "error", why, "add it to output.labels, or strike it from the instruction")


def known_label(said: str, labels: Sequence[str]) -> str | None:
    """The label that somebody wrote with other case, width or space; None where it is none."""
    wanted = normalise(said)
    return next((label for label in labels if normalise(label) == wanted), None)


def check_labels(given: LabelLists | None, languages: Sequence[Language]) -> None:
    """Refuse lists that are faulty in themselves, or do not go with the `languages` of the instruction or each other.

    Raises:
        PydanticCustomError: with the path from the task.
    """
    for spoken, labels in given.items() if isinstance(given, dict) else [(None, given or [])]:
        language = () if spoken is None else (spoken,)
        if twice := sorted({label for label in labels if labels.count(label) > 1}):
            raise fault(f"output.labels lists {', '.join(twice)} more than once", "output", "labels", *language)
        if any(not label.strip() or label != label.strip() for label in labels):
            raise fault("output.labels has an empty label or one with space around it", "output", "labels", *language)
    if not isinstance(given, dict):
        return
    if set(given) != set(languages):
        spoken_in, labelled = ", ".join(sorted(languages)), ", ".join(sorted(given)) or "no language"
        raise fault(f"output.labels is given in {labelled}, the instruction in {spoken_in}", "output", "labels")
    if len({len(labels) for labels in given.values()}) > 1:
        counts = ", ".join(f"{len(labels)} in {language}" for language, labels in given.items())
        raise fault(f"output.labels needs as many labels in every language; there are {counts}", "output", "labels")
    meanings: dict[str, int] = {}
    for place, label in ((place, label) for labels in given.values() for place, label in enumerate(labels)):
        if meanings.setdefault(label, place) != place:
            what = f"output.labels has {label} at different positions in two languages, so it would mean two things"
            raise fault(what, "output", "labels")


def in_one_order(labels: LabelLists | None) -> list[str]:
    """The labels of all languages, sorted within each."""
    lists = labels.values() if isinstance(labels, dict) else [labels or []]
    return [label for labels in lists for label in sorted(labels)]


def labels_for(labels: LabelLists, languages: Sequence[Language]) -> LabelLists:
    """A list for each of `languages` where there is one for each and they differ, else one list that holds in all."""
    if not isinstance(labels, dict):
        return labels
    lists = [labels[language] for language in languages if language in labels] or list(labels.values())
    if len(languages) == 1 or len(lists) < len(languages) or all(given == lists[0] for given in lists):
        return lists[0]
    return {language: labels[language] for language in languages}


def translated_label(labels: LabelLists | None, label: str, source: Language, target: Language) -> str:
    """The label of `target` at the position of the `source` one.

    Raises:
        UntranslatableError: it is no label of `source`.
    """
    own, other = labels_of(labels, source) or [], labels_of(labels, target) or []
    if label not in own:
        raise UntranslatableError(f"{shorten(label)!r} is not one of the task's labels")
    return other[own.index(label)]
