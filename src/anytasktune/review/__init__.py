"""Review of candidates: the queue, the log of decisions, their outcomes, and agreement between reviewers."""

from anytasktune.review.agreement import measure_agreement
from anytasktune.review.apply_reviews import RefusedDecision, ReviewedRows, apply_reviews, edit_candidate, row_problems
from anytasktune.review.gated_rows import GatedRows, is_final
from anytasktune.review.review_log import (
    group_by_reviewer,
    parse_reviews,
    remove_undone,
    review_outcomes,
    skipped_candidates,
    standing_decisions,
)
from anytasktune.review.review_queue import Show, count_to_review, review_queue

__all__ = [
    "GatedRows",
    "RefusedDecision",
    "ReviewedRows",
    "Show",
    "apply_reviews",
    "count_to_review",
    "edit_candidate",
    "group_by_reviewer",
    "is_final",
    "measure_agreement",
    "parse_reviews",
    "remove_undone",
    "review_outcomes",
    "review_queue",
    "row_problems",
    "skipped_candidates",
    "standing_decisions",
]
