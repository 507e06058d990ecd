"""The gates in their order, from cheap to dear, and what becomes of the candidates that go through them.

A candidate stops at the first gate that drops it. Everything but the judge is decided here; a judge is asked about what is
left, and `apply_judge` holds its marks against the threshold.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType

from anytasktune.gates.balance import balance
from anytasktune.gates.boilerplate import refusal
from anytasktune.gates.duplicates import exact_duplicate, near_duplicate
from anytasktune.gates.gate import Finding, Gate, GateContext, Job, Placed, closeness
from anytasktune.gates.grounding import grounding
from anytasktune.gates.language_gate import language
from anytasktune.gates.leakage import leak
from anytasktune.gates.length_gate import length
from anytasktune.gates.lexical_duplicates import lexical_duplicate
from anytasktune.gates.privacy import personal_data
from anytasktune.gates.rule_gates import rules, schema
from anytasktune.gates.wrong_labels import wrong_label
from anytasktune.schema import Candidate, CandidateCounts, Task, Verdict
from anytasktune.settings import GateConfig

GATES: Mapping[str, Gate] = MappingProxyType(
    {
        gate.__name__: gate
        for gate in (
            schema,
            rules,
            refusal,
            length,
            language,
            grounding,
            leak,
            personal_data,
            wrong_label,
            exact_duplicate,
            near_duplicate,
            lexical_duplicate,
            balance,
        )
    }
)
"""By name, in the order they are passed."""
JUDGE = "judge"
_REACH_OF_JUDGE = 0.2


@dataclass(frozen=True)
class Gated:
    """What became of candidates: each is kept or dropped, in the order they came.

    Attributes:
        kept, dropped: as they are now; personal data may have been masked.
        verdicts: for each dropped candidate the reason, and what is to be remembered of others; by position. Their `candidate`
            is the id the candidate has now.
    """

    kept: tuple[Placed, ...]
    dropped: tuple[Placed, ...]
    verdicts: tuple[Verdict, ...]

    def counts(self, failed: Mapping[str, int] = MappingProxyType({})) -> CandidateCounts:
        """The account, with those that failed before any gate."""
        dropped = Counter(verdict.gate for verdict in self.verdicts if not verdict.passed)
        planned = len(self.kept) + len(self.dropped) + sum(failed.values())
        return CandidateCounts(planned=planned, kept=len(self.kept), dropped=dict(dropped), failed=dict(failed))


def run_gates(
    task: Task,
    candidates: Sequence[Candidate],
    context: GateContext,
    config: GateConfig,
    verdicts_of_judge: Sequence[Verdict] = (),
    gates: Mapping[str, Gate] = GATES,
) -> Gated:
    """Send candidates through the gates; the same candidates give the same verdicts on every machine.

    Args:
        verdicts_of_judge: what a judge said, by position in `candidates`; none: the judge is left out.
        gates: those to pass, in order.

    Raises:
        ConfigError: the task's JSON Schema is no schema.
    """
    job = Job(task, context, config)
    left = {place: Placed(place, candidate, candidate.input) for place, candidate in enumerate(candidates)}
    dropped: dict[int, Placed] = {}
    said: list[tuple[str, Finding]] = []
    for name, gate in gates.items():
        for finding in list(gate(job, list(left.values()))):
            said.append((name, finding))
            if finding.changed is not None:
                left[finding.position] = replace(left[finding.position], candidate=finding.changed)
            if finding.drop:
                dropped[finding.position] = left.pop(finding.position)
    now = left | dropped
    verdicts = sorted((_verdict(now, name, finding) for name, finding in said), key=lambda verdict: verdict.position)
    gated = Gated(tuple(left.values()), tuple(dropped[place] for place in sorted(dropped)), tuple(verdicts))
    return apply_judge(gated, verdicts_of_judge, config) if verdicts_of_judge else gated


def _verdict(items: Mapping[int, Placed], gate: str, finding: Finding) -> Verdict:
    return Verdict(
        candidate=items[finding.position].candidate.id,
        position=finding.position,
        gate=gate,
        passed=not finding.drop,
        reason=finding.reason,
        detail=finding.detail,
        border=finding.border,
    )


def apply_judge(gated: Gated, verdicts_of_judge: Sequence[Verdict], config: GateConfig) -> Gated:
    """Drop what a judge scored below `judge_threshold`; what it did not score stays, with a remark.

    Args:
        verdicts_of_judge: with the positions of `gated.kept`; those of others are passed over.
    """
    if config.judge_threshold == 0:
        return gated
    scores = {verdict.position: verdict for verdict in verdicts_of_judge}
    marks = {item.position: _mark(item, scores.get(item.position), config.judge_threshold) for item in gated.kept}
    gone = [item for item in gated.kept if not marks[item.position].passed]
    kept = tuple(item for item in gated.kept if marks[item.position].passed)
    dropped = sorted([*gated.dropped, *gone], key=lambda item: item.position)
    verdicts = sorted([*gated.verdicts, *marks.values()], key=lambda verdict: verdict.position)
    return Gated(kept, tuple(dropped), tuple(verdicts))


def _mark(item: Placed, verdict: Verdict | None, threshold: float) -> Verdict:
    if verdict is None or verdict.score is None:
        detail = verdict.detail if verdict is not None else "the judge said nothing of it"
        return Verdict(
            candidate=item.candidate.id, position=item.position, gate=JUDGE, passed=True, reason="not_judged", detail=detail
        )
    passed = verdict.score >= threshold
    reason = verdict.reason or ("" if passed else "low_score")
    border = verdict.border if verdict.border is not None else closeness(verdict.score, threshold, _REACH_OF_JUDGE)
    update = {"gate": JUDGE, "passed": passed, "reason": reason, "border": border, "candidate": item.candidate.id}
    return verdict.model_copy(update=update)
