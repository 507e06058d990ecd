"""Recall and false alarms of the gates: real rows with planted faults go through them, and the dropped ones are counted.

Of every task some train rows play the own rows of a user, the others play candidates; dev and test are the task's own. Each
fault is planted in a share of the candidates. Recall: planted rows that were dropped (or whose personal data is masked), by any
gate. False alarm: a row without a planted fault that was dropped. A clean row that says nearly the same as another and has the
same answer is no false alarm of the duplicate and leak gates, but a duplicate in the data; those are counted apart.
"""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from time import perf_counter

from anytasktune.gates import GateContext, Gated, run_gates
from anytasktune.outputs import TextOutput
from anytasktune.records import Language
from anytasktune.schema import Candidate, Example, Origin, Task, Verdict
from anytasktune.settings import GateConfig
from anytasktune.similarity import jaccard
from anytasktune.text.personal_data import find_personal_data
from anytasktune.text.scripts import is_in_script
from benchmarks.bench_tasks import BenchTask
from benchmarks.gate_faults import FAULTS, Material, Row, plant

SHARE = 0.05
_DATA = 300
_SEED_SHARE = 0.4
_SAME = ("leak", "exact_duplicate", "near_duplicate", "lexical_duplicate")
_SENTENCE = re.compile(r"(?:[A-Z]\S*(?: [^\W\d]\S*){5,24}[.?!]|[\u4e00-\u9fff，、：]{14,80}[。？！])")
_SAME_TEXT = 0.8


@dataclass(frozen=True)
class FaultCount:
    """One fault in one task: rows it was planted in, those found by any gate, and by which gates."""

    planted: int
    found: int
    by: dict[str, int]


@dataclass(frozen=True)
class GateResult:
    """The gates on one task.

    Attributes:
        faults: by name.
        clean: rows without a planted fault.
        false_alarms: of them dropped, by gate.
        real: of them dropped because the data has the same row twice or in test, by gate.
        masked: of them masked.
        seconds: of the whole run over all rows.
    """

    task: str
    own_rows: int
    rows: int
    faults: dict[str, FaultCount]
    clean: int
    false_alarms: dict[str, int]
    real: dict[str, int]
    masked: int
    seconds: float


def measure_gates(bench: BenchTask, every: Sequence[BenchTask], config: GateConfig | None = None) -> GateResult:
    """Plant faults in rows of `bench` and let the gates look.

    Args:
        every: all tasks: texts of other languages are taken from them.
    """
    language = bench.task.languages[0]
    rows, test = (_in_language(bench.task, part, language) for part in (bench.train, bench.test))
    count = min(_DATA, int(_SEED_SHARE * len(rows)))
    own, clean = rows[:count], rows[count:]
    planted = plant(clean, Material(bench.task, language, test, _other_texts(every, language)), SHARE)
    context = GateContext(train=own, test=test)
    start = perf_counter()
    gated = run_gates(bench.task, [_candidate(row.example, language) for row in planted], context, config or GateConfig())
    return _result(bench, planted, own, gated, perf_counter() - start)


def _in_language(task: Task, rows: Sequence[Example], language: Language) -> list[Example]:
    """Rows of one language, each input once."""
    different = {row.input: row for row in rows if task.language_of(row.language) == language}
    return list(different.values())


def _candidate(example: Example, language: Language) -> Candidate:
    return Candidate(
        input=example.input, output=example.output, language=language, origin=Origin(kind="example", teacher="none")
    )


def _other_texts(every: Sequence[BenchTask], language: Language) -> list[str]:
    """Whole sentences without numbers in another language than `language`."""
    other: Language = "en" if language == "zh" else "zh"
    inputs = (row.input for bench in every if bench.task.languages[0] == other for row in bench.test)
    return [text for text in inputs if _SENTENCE.fullmatch(text) and is_in_script(text, other)]


def _result(bench: BenchTask, planted: Sequence[Row], own: Sequence[Example], gated: Gated, seconds: float) -> GateResult:
    drops = {verdict.position: verdict for verdict in gated.verdicts if not verdict.passed}
    free = {item.position for item in gated.kept if not find_personal_data(item.candidate.input + "\n" + item.candidate.output)}
    masks = {verdict.position: verdict for verdict in gated.verdicts if verdict.reason == "masked"}
    clean = [place for place, row in enumerate(planted) if not row.fault]
    alarms = [drops[place] for place in clean if place in drops]
    same = [verdict for verdict in alarms if _is_real(bench.task, verdict, planted, [*own, *bench.test])]
    false = [verdict for verdict in alarms if verdict not in same]
    return GateResult(
        task=bench.name,
        own_rows=len(own),
        rows=len(planted),
        faults={
            fault: _count(
                [place for place, row in enumerate(planted) if row.fault == fault],
                drops,
                masks.keys() & free if fault == "personal_data" else set(),
            )
            for fault in dict.fromkeys(row.fault for row in planted if row.fault)
        },
        clean=len(clean),
        false_alarms=dict(Counter(verdict.gate for verdict in false)),
        real=dict(Counter(verdict.gate for verdict in same)),
        masked=sum(place in masks for place in clean),
        seconds=round(seconds, 2),
    )


def _count(places: Sequence[int], drops: Mapping[int, Verdict], masked: set[int]) -> FaultCount:
    by = Counter(drops[place].gate for place in places if place in drops)
    by["personal_data"] += sum(place in masked and place not in drops for place in places)
    return FaultCount(len(places), by.total(), {gate: count for gate, count in by.items() if count})


def _is_real(task: Task, verdict: Verdict, planted: Sequence[Row], others: Sequence[Example]) -> bool:
    """Whether a row dropped as a duplicate or leak has the answer of a row as similar; of texts, whether they are the same."""
    if verdict.gate not in _SAME:
        return False
    if verdict.gate == "lexical_duplicate" and not isinstance(task.output, TextOutput):
        return True  # the gate itself asks for the same answer
    row = planted[verdict.position].example
    rest = [other.example for place, other in enumerate(planted) if place != verdict.position]
    near = [other for other in [*others, *rest] if jaccard(row.input, other.input) >= _SAME_TEXT - 0.2]
    if isinstance(task.output, TextOutput):
        return any(jaccard(row.input, other.input) >= _SAME_TEXT for other in near)
    return any(other.output.strip() == row.output.strip() for other in near)


def gates_page(results: Sequence[GateResult]) -> str:
    """Recall by fault and task, false alarms by gate and task, and some false alarms to look at."""
    if not results:
        return ""
    faults = [fault for fault in FAULTS if any(fault in result.faults for result in results)]
    gates = sorted({gate for result in results for gate in (*result.false_alarms, *result.real)})
    parts = [
        "## Gates: faults planted in real rows, and what became of them",
        _how(results),
        "### Found, by fault",
        _table(["fault", "planted", "found", "recall", "by gate"], [_of_fault(results, fault) for fault in faults]),
        "### Found, by task (%)",
        _table(["task", *faults], [_of_task(result, faults) for result in results]),
        "### Rows without a planted fault that were dropped",
        _table(["gate", "false alarms", "share", "worst task", "duplicates the data had"], _alarms(results, gates)),
        "### By task",
        _table(
            ["task", "own rows", "candidates", "without fault", "false alarms", "share", "by gate", "masked"],
            map(_task, results),
        ),
    ]
    return "\n\n".join(parts)


def _how(results: Sequence[GateResult]) -> str:
    rows, seconds = sum(result.rows for result in results), sum(result.seconds for result in results)
    return (
        f"Each fault in {SHARE:.0%} of the candidates, one per row at most; standard settings, no judge. Found: dropped by any "
        "gate, or, for personal data, masked. Duplicates the data had: rows without a planted fault that are as similar to "
        "another as the gate says and have the same answer; they are no false alarms. "
        f"{rows:,} candidates took {seconds:.0f} s."
    )


def _of_fault(results: Sequence[GateResult], fault: str) -> list[str]:
    counts = [result.faults[fault] for result in results if fault in result.faults]
    planted, found = sum(count.planted for count in counts), sum(count.found for count in counts)
    by: Counter[str] = Counter()
    for count in counts:
        by.update(count.by)
    gates = ", ".join(f"{gate} {times}" for gate, times in by.most_common())
    return [fault, str(planted), str(found), f"{found / max(planted, 1):.1%}", gates]


def _of_task(result: GateResult, faults: Sequence[str]) -> list[str]:
    shares = (result.faults.get(fault) for fault in faults)
    return [result.task, *(f"{count.found / max(count.planted, 1):.0%}" if count else "" for count in shares)]


def _alarms(results: Sequence[GateResult], gates: Sequence[str]) -> Iterable[list[str]]:
    clean = sum(result.clean for result in results)
    for gate in gates:
        number = sum(result.false_alarms.get(gate, 0) for result in results)
        worst = max(results, key=lambda result: result.false_alarms.get(gate, 0) / max(result.clean, 1))
        share = worst.false_alarms.get(gate, 0) / max(worst.clean, 1)
        real = sum(result.real.get(gate, 0) for result in results)
        yield [gate, str(number), f"{number / max(clean, 1):.2%}", f"{worst.task} {share:.2%}" if share else "", str(real)]


def _task(result: GateResult) -> list[str]:
    number = sum(result.false_alarms.values())
    by = ", ".join(f"{gate} {count}" for gate, count in sorted(result.false_alarms.items()))
    sizes = [str(result.own_rows), str(result.rows), str(result.clean)]
    return [result.task, *sizes, str(number), f"{number / max(result.clean, 1):.2%}", by, str(result.masked)]


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [heads, ["---"] + ["---:"] * (len(heads) - 1), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)
