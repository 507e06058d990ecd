"""What the gates found, as Markdown. Pure."""

from collections import Counter
from collections.abc import Iterable, Sequence

from benchmarks.gate_faults import FAULTS
from benchmarks.gates import SHARE, GateResult


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
            ["task", "seeds", "candidates", "without fault", "false alarms", "share", "by gate", "masked"], map(_task, results)
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
    sizes = [str(result.seeds), str(result.rows), str(result.clean)]
    return [result.task, *sizes, str(number), f"{number / max(result.clean, 1):.2%}", by, str(result.masked)]


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [heads, ["---"] + ["---:"] * (len(heads) - 1), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)
