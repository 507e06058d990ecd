"""Gated candidates by id, with the verdicts of the gates and the judge."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from anytasktune.schema import Candidate, Verdict

LEAK = "leak"
"""Name of the gate that no person can overrule: a candidate that gives away a dev or test row never comes back."""


@dataclass(frozen=True)
class GatedRows:
    """Candidates that the gates kept or dropped, with their verdicts.

    Of candidates with equal texts the first kept one stands for all.
    """

    kept: Sequence[Candidate]
    dropped: Sequence[Candidate] = ()
    verdicts: Sequence[Verdict] = ()

    @cached_property
    def kept_by_id(self) -> dict[str, Candidate]:
        return _first_by_id(self.kept)

    @cached_property
    def dropped_by_id(self) -> dict[str, Candidate]:
        """Those that are not among the kept ones as well."""
        return {key: candidate for key, candidate in _first_by_id(self.dropped).items() if key not in self.kept_by_id}

    def find(self, candidate_id: str) -> Candidate | None:
        """The candidate of this id, kept or dropped."""
        return self.kept_by_id.get(candidate_id) or self.dropped_by_id.get(candidate_id)

    def verdicts_of(self, candidate_id: str) -> list[Verdict]:
        """The verdicts on a candidate; of a kept one, not those that made a gate drop its copies."""
        found = self._verdicts.get(candidate_id, [])
        return [verdict for verdict in found if verdict.passed or candidate_id not in self.kept_by_id]

    def dropping(self, candidate_id: str) -> Verdict | None:
        """The verdict that dropped a candidate; None for a kept one. Of several copies', one that is final."""
        failed = [verdict for verdict in self.verdicts_of(candidate_id) if not verdict.passed]
        return next((verdict for verdict in failed if is_final(verdict)), failed[0] if failed else None)

    @cached_property
    def _verdicts(self) -> dict[str, list[Verdict]]:
        found: dict[str, list[Verdict]] = {}
        for verdict in self.verdicts:
            found.setdefault(verdict.candidate, []).append(verdict)
        return found


def is_final(verdict: Verdict) -> bool:
    """Whether no person can overrule it."""
    return not verdict.passed and verdict.gate == LEAK


def _first_by_id(candidates: Sequence[Candidate]) -> dict[str, Candidate]:
    found: dict[str, Candidate] = {}
    for candidate in candidates:
        found.setdefault(candidate.id, candidate)
    return found
