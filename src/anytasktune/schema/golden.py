"""Records of parity checks: dev rows as a Task-LM answers them, and as an exported copy does."""

from typing import Literal

from pydantic import Field

from anytasktune.records import Artifact, Name, Record
from anytasktune.schema.example import Example

ParityStage = Literal["text", "tokens", "first token", "answer", "score"]
"""The chain from an input to its score: the rendered prompt, its tokens, the first token after it, the answer, the score."""


class TokenScore(Record):
    """A token that can come next, and its log probability."""

    token: int
    log_probability: float


class GoldenAnswer(Record):
    """An answer of the adapter alone: without a label head, and not held to the task's output and rules."""

    output: str
    ids: list[int] = Field(default_factory=list)
    """Its tokens without the end of the turn; empty for a label that was scored."""
    margins: list[float]
    """Per token, the end of the turn included: its log probability minus that of the best other token. For a scored label:
    minus that of the second best label. Where it is near 0, rounding alone can choose another one."""


class GoldenPrompt(Record):
    """A dev row with everything between its input and its score."""

    example: Example
    text: str
    """The rendered prompt."""
    ids: list[int]
    """The prompt's tokens."""
    first_tokens: list[TokenScore]
    """The five most probable tokens after the prompt, most probable first."""
    reported: str
    """The answer as the report counts it: with the label head, held to the task's output and rules."""
    scored: GoldenAnswer | None = None
    """Label tasks: the label with the highest score."""
    generated: GoldenAnswer
    """Greedy generation, as other programs do it."""


class GoldenRow(Record):
    """A dev row as a Task-LM read and answered it when it was trained; it holds none of the row's texts but the answer."""

    example_id: str
    text_sha256: str
    """Of the rendered prompt."""
    ids: list[int]
    """The prompt's tokens."""
    first_tokens: list[TokenScore]
    """The five most probable tokens after the prompt, most probable first."""
    answer: str
    """The answer as the report counts it: with the label head, held to the task's output and rules."""


class GoldenRows(Artifact):
    """The golden rows of all tasks of a Task-LM, recorded when it was trained or imported."""

    task_lm: str
    """Id of the Task-LM."""
    dtype: str
    """Precision in which it answered."""
    versions: dict[str, str]
    """Of the libraries that computed."""
    tasks: dict[Name, list[GoldenRow]]


class GoldenPrompts(Artifact):
    """Golden prompts of one task of a Task-LM."""

    task: Name
    task_lm: str
    """Id of the Task-LM."""
    max_new_tokens: int
    prompts: list[GoldenPrompt]


class CopyAnswer(Record):
    """A golden prompt as an exported model reads and answers it."""

    text: str
    """The rendered prompt; empty where the program does not show it and its tokens or first token are others."""
    ids: list[int]
    first_tokens: list[TokenScore]
    output: str
    answer_ids: list[int] = Field(default_factory=list)
    """Tokens of the answer without the end of the turn; empty for a label that was scored."""


class ParityResult(Record):
    """Comparison of an exported model with the Task-LM it was made from, on the golden prompts."""

    checked_with: str
    """The program that ran the exported model."""
    rows: int
    differing: dict[ParityStage, int] = Field(default_factory=dict)
    """ParityStage → rows in which it is the first that differs."""
    first_difference: str = ""
    """The first row that differs, in words; empty if none does."""
    same_top_five: int = 0
    """Rows whose five most probable first tokens come in the same order."""
    largest_shift: float = 0.0
    """Largest difference in log probability of a first token."""
    near_ties: int = 0
    """Rows answered otherwise where two tokens were so equally probable that rounding decides."""
    score: float | None = None
    """Score of the exported model's answers, in the task's metric."""
    reference_score: float | None = None
    """Score of the adapter's own answers, given in the same way."""
    reported_score: float | None = None
    """Score of the answers as the report counts them: with label head and constraint."""

    @property
    def ok(self) -> bool:
        """Whether no row and no score differs."""
        return not self.differing
