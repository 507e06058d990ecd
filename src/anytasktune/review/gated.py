"""Gated candidates as a reviewer looks them up: by id, with what gates and a judge said of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from anytasktune.schema import Candidate, Verdict

LEAK = "leak"
"""Name of the gate that no person can overrule: what gives away a dev or test row never comes back."""


@dataclass(frozen=True)
class GatedRows:
    """What the gates let through and what they dropped, with their verdicts.

    Where several candidates are the same word for word, the first kept one stands for all of them.
    """

    kept: Sequence[Candidate]
    dropped: Sequence[Candidate] = ()
    verdicts: Sequence[Verdict] = ()

    @cached_property
    def kept_by_id(self) -> dict[str, Candidate]:
        return _by_id(self.kept)

    @cached_property
    def dropped_by_id(self) -> dict[str, Candidate]:
        """Those that are not among the kept ones as well."""
        return {key: candidate for key, candidate in _by_id(self.dropped).items() if key not in self.kept_by_id}

    def find(self, candidate_id: str) -> Candidate | None:
        """The candidate of this id, kept or dropped."""
        return self.kept_by_id.get(candidate_id) or self.dropped_by_id.get(candidate_id)

    def verdicts_of(self, candidate_id: str) -> list[Verdict]:
        """What was said of a candidate. Of a kept one, not what made a gate drop its copies."""
        said = self._verdicts.get(candidate_id, [])
        return [verdict for verdict in said if verdict.passed or candidate_id not in self.kept_by_id]

    def dropping(self, candidate_id: str) -> Verdict | None:
        """Why a candidate was dropped; None for a kept one. Of several copies' reasons, the one that cannot be overruled."""
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


def _by_id(candidates: Sequence[Candidate]) -> dict[str, Candidate]:
    found: dict[str, Candidate] = {}
    for candidate in candidates:
        found.setdefault(candidate.id, candidate)
    return found
