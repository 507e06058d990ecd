"""Data sets as tests need them: own rows, and made ones with their lineage."""

from collections.abc import Mapping, Sequence

from anytasktune.datasets import FrozenDataset, GeneratedPart, freeze
from anytasktune.outputs import LabelOutput
from anytasktune.schema import (
    CandidateCounts,
    Example,
    GeneratedRows,
    Lineage,
    Origin,
    RowCounts,
    Span,
    SplitName,
    Task,
    TeacherUsage,
)
from anytasktune.settings import SplitConfig

TASK = Task(
    name="team",
    title={"en": "Which team", "zh": "案件分派"},
    instruction={"en": "Which team takes it?", "zh": "由哪个团队处理？"},
    output=LabelOutput(kind="label", labels=["housing", "work"]),
    limits={"en": "Not for emergencies."},
)
Splits = Mapping[SplitName, Sequence[Example]]


def rows(count: int, start: int = 0, language: str = "en") -> list[Example]:
    text = "Matter {}: the landlord keeps the deposit." if language == "en" else "第{}件：房东不退押金，怎么办？"
    labels = ("housing", "work")
    return [
        Example(input=text.format(number), output=labels[number % 2], language=language)  # type: ignore[arg-type]
        for number in range(start, start + count)
    ]


def frozen(splits: Splits, made: Splits | None = None, task: Task = TASK) -> FrozenDataset:
    """Own rows and made ones, frozen together."""
    lineage = [
        Lineage(
            example=row.id,
            split=name,
            candidate=row.id,
            gated="c0ffee",
            origin=Origin(
                kind="passage",
                teacher="tiny-teacher",
                prompts=(f"input.{row.language}@0badcafe",),
                passage="p1",
                span=Span(document="handbook.md", start=3, end=9),
            ),
            quote="the rent",
            page=2,
            heading=("Rent",),
        )
        for name, examples in (made or {}).items()
        for row in examples
    ]
    both = {name: [*splits.get(name, ()), *(made or {}).get(name, ())] for name in {**splits, **(made or {})}}
    facts = GeneratedRows(
        gated="c0ffee",
        candidate_sets=["cafe"],
        seals=["5ea1"],
        teachers=["tiny-teacher"],
        rows={name: len(examples) for name, examples in (made or {}).items()},
        split_by="document" if "test" in (made or {}) else "",
        counts=CandidateCounts(
            planned=len(lineage) + 5, kept=len(lineage), dropped={"near_duplicate": 3, "leak": 1}, failed={"not_answered": 1}
        ),
        decisions={"unseen": len(lineage)},
        usage=TeacherUsage(requests=40, prompt_tokens=12000, answer_tokens=3000, cost=0.042, currency="USD", seconds=3.5),
    )
    count = sum(map(len, splits.values()))
    return freeze(
        task,
        both,
        counts=RowCounts(read=count + 1, kept=count, dropped={"bad_json": 1}),
        sources={"data/team.jsonl": "0" * 64},
        split_by="grouped",
        config=SplitConfig(),
        code_version="1",
        made=GeneratedPart(facts, lineage) if made else None,
    )
