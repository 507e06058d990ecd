"""What a person sees next of the candidates, what was said of them, and how far people agree."""

from anytasktune.review.agreement import JUDGE, agreement
from anytasktune.review.applying import Refusal, Reviewed, edited, faults, reviewed
from anytasktune.review.gated import GatedRows, is_final
from anytasktune.review.ordering import Ground
from anytasktune.review.queue import QueueConfig, QueueItem, review_queue
from anytasktune.review.review_log import Outcome, by_reviewer, decisions, holding, outcomes, parse_lines, skipped

__all__ = [
    "JUDGE",
    "GatedRows",
    "Ground",
    "Outcome",
    "QueueConfig",
    "QueueItem",
    "Refusal",
    "Reviewed",
    "agreement",
    "by_reviewer",
    "decisions",
    "edited",
    "faults",
    "holding",
    "is_final",
    "outcomes",
    "parse_lines",
    "review_queue",
    "reviewed",
    "skipped",
]
