"""The gates in their order, cheapest first, and the run of candidates through them.

A candidate stops at the first gate that drops it. All but the judge's marks are decided here; a judge is asked about what is
left, and `apply_judge` compares its marks with the threshold.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType

from anytasktune.gates.answer_gates import grounding, personal_data, rules, schema
from anytasktune.gates.duplicate_gates import exact_duplicate, leak, lexical_duplicate, near_duplicate
from anytasktune.gates.gate import NOT_JUDGED, Finding, Gate, GateContext, Job, Placed, closeness
from anytasktune.gates.label_gates import balance, wrong_label
from anytasktune.gates.wording_gates import language, length, refusal
from anytasktune.schema import JUDGE, Candidate, CandidateCounts, Task, Verdict
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
_REACH_OF_JUDGE = 0.2


@dataclass(frozen=True)
class Gated:
    """The result of the gates: each candidate is kept or dropped, in the order they came.

    Attributes:
        kept, dropped: as they are now; personal data may have been masked.
        verdicts: for each dropped candidate the reason, and remarks on others; by position. Their `candidate` is the id the
            candidate has now.
    """

    kept: tuple[Placed, ...] = ()
    dropped: tuple[Placed, ...] = ()
    verdicts: tuple[Verdict, ...] = ()

    @classmethod
    def restored(cls, kept: Sequence[Candidate], dropped: Sequence[Candidate], verdicts: Sequence[Verdict]) -> "Gated":
        """From what was stored of it: positions are those of the verdicts, inputs those after masking."""
        gone = sorted({verdict.position for verdict in verdicts if not verdict.passed})
        left = sorted(set(range(len(kept) + len(dropped))) - set(gone))
        placed = [
            tuple(Placed(place, candidate, candidate.input) for place, candidate in zip(places, candidates, strict=True))
            for places, candidates in ((left, kept), (gone, dropped))
        ]
        return cls(placed[0], placed[1], tuple(verdicts))

    def __len__(self) -> int:
        return len(self.kept) + len(self.dropped)

    def followed_by(self, later: "Gated") -> "Gated":
        """This and the result for candidates that were gated after these, at later positions."""
        return Gated(self.kept + later.kept, self.dropped + later.dropped, self.verdicts + later.verdicts)

    def counts(self, failed: Mapping[str, int] = MappingProxyType({})) -> CandidateCounts:
        """The account, with those that failed before any gate."""
        dropped = Counter(verdict.gate for verdict in self.verdicts if not verdict.passed)
        planned = len(self) + sum(failed.values())
        return CandidateCounts(planned=planned, kept=len(self.kept), dropped=dict(dropped), failed=dict(failed))


def run_gates(
    task: Task, candidates: Sequence[Candidate], context: GateContext, config: GateConfig, earlier: Gated | None = None
) -> Gated:
    """Send candidates through the gates; the same candidates give the same verdicts on every machine.

    Args:
        earlier: the result for other candidates of the task. Those are not gated again; new ones are compared with those kept.

    Returns:
        The result for `candidates`, at positions after the earlier ones: `earlier.followed_by` joins both.

    Raises:
        ConfigError: the task's JSON Schema is no schema.
    """
    if earlier is not None:
        context = replace(context, kept=earlier.kept)
    job = Job(task, context, config)
    start = len(earlier) if earlier is not None else 0
    left = {place: Placed(place, candidate, candidate.input) for place, candidate in enumerate(candidates, start)}
    dropped: dict[int, Placed] = {}
    findings: list[tuple[str, Finding]] = []
    for name, gate in GATES.items():
        for finding in list(gate(job, list(left.values()))):
            findings.append((name, finding))
            if finding.changed is not None:
                left[finding.position] = replace(left[finding.position], candidate=finding.changed)
            if finding.drop:
                dropped[finding.position] = left.pop(finding.position)
    now = left | dropped
    verdicts = [
        Verdict(
            candidate=now[finding.position].candidate.id,
            position=finding.position,
            gate=name,
            passed=not finding.drop,
            reason=finding.reason,
            detail=finding.detail,
            border=finding.border,
        )
        for name, finding in sorted(findings, key=lambda found: found[1].position)
    ]
    return Gated(tuple(left.values()), tuple(dropped[place] for place in sorted(dropped)), tuple(verdicts))


def apply_judge(gated: Gated, marks: Sequence[Verdict], config: GateConfig) -> Gated:
    """Drop what a judge scored below `judge_threshold`; what it did not score is kept, with a remark.

    Args:
        marks: with the positions of `gated.kept`; those of others are passed over.
    """
    if config.judge_threshold == 0:
        return gated
    by_position = {verdict.position: verdict for verdict in marks}
    judged = [_judged(item, by_position.get(item.position), config.judge_threshold) for item in gated.kept]
    kept = tuple(item for item, verdict in zip(gated.kept, judged, strict=True) if verdict.passed)
    gone = [item for item, verdict in zip(gated.kept, judged, strict=True) if not verdict.passed]
    dropped = sorted([*gated.dropped, *gone], key=lambda item: item.position)
    return Gated(kept, tuple(dropped), tuple(sorted([*gated.verdicts, *judged], key=lambda verdict: verdict.position)))


def _judged(item: Placed, verdict: Verdict | None, threshold: float) -> Verdict:
    if verdict is None or verdict.score is None:
        detail = verdict.detail if verdict is not None else "the judge did not mark it"
        return Verdict(
            candidate=item.candidate.id, position=item.position, gate=JUDGE, passed=True, reason=NOT_JUDGED, detail=detail
        )
    passed = verdict.score >= threshold
    reason = verdict.reason or ("" if passed else "low_score")
    border = verdict.border if verdict.border is not None else closeness(verdict.score, threshold, _REACH_OF_JUDGE)
    update = {"gate": JUDGE, "passed": passed, "reason": reason, "border": border, "candidate": item.candidate.id}
    return verdict.model_copy(update=update)
