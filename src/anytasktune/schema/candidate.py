"""Candidates, their origin, and the verdicts of the gates."""

from typing import Literal, get_args

from pydantic import Field

from anytasktune.records import Artifact, Language, Name, Record
from anytasktune.schema.example import Example
from anytasktune.schema.kept_answers import TeacherUsage
from anytasktune.schema.passages import Span
from anytasktune.settings import Augmentation, GateConfig, InputSource, SynthesisConfig

UseKind = Literal["correction", "request", "sampled_request"]
"""Of what comes from use: the right answer somebody gave, a request that was answered unsurely, any other request."""
OriginKind = InputSource | Augmentation | UseKind
"""Origin of a candidate: the material of a newly written input, the augmentation of an example, or the use of a Task-LM."""

INPUT_SOURCES: tuple[InputSource, ...] = get_args(InputSource)
AUGMENTATIONS: tuple[Augmentation, ...] = get_args(Augmentation)


class Cell(Record):
    """One cell of the coverage plan: the properties wanted of a candidate. Empty strings: left to the teacher."""

    situation: str = ""
    difficulty: Literal["", "easy", "usual", "hard"] = ""
    length: Literal["", "short", "medium", "long"] = ""
    label: str = ""
    """The answer that was asked for, in the language of the candidate, where the task has a closed list."""
    aspect: str = ""
    """Further properties of the answer: `items=3`, `from 2 to 4`, `field=value`, `field=+` (filled), `field=-` (empty)."""


class Origin(Record):
    """Lineage of a candidate: enough to walk back from a row to its source."""

    kind: OriginKind
    teacher: str = ""
    """Name of the model that wrote it; empty where no model was asked."""
    prompts: tuple[str, ...] = ()
    """The prompts used, as `name.language@hash`: the hash is that of the template's text."""
    passage: str | None = None
    """Id of the passage it was made from."""
    span: Span | None = None
    """The very words it rests on; what stands there is in the input or was quoted by the teacher, and was checked to exist."""
    parents: tuple[str, ...] = ()
    """Ids of the examples it was made from or written after."""
    cell: Cell = Cell()
    agreement: float | None = Field(None, ge=0, le=1)
    """Share of the sampled answers that say the same as the one kept, where several were sampled."""
    place: int | None = None
    """Its place in the plan of its language, from 0; None for an augmentation."""


class Candidate(Record):
    """A proposed example."""

    input: str = Field(min_length=1)
    output: str
    language: Language
    source: str | None = None
    """As in `Example`: what must stay in one split. The document of a passage, or the source or id of the first parent."""
    origin: Origin

    @property
    def id(self) -> str:
        """Id of the example it would become."""
        return self.example().id

    def example(self) -> Example:
        """The row it would become."""
        return Example(input=self.input, output=self.output, language=self.language, source=self.source)


class FailedCandidate(Record):
    """A planned candidate whose generation failed."""

    reason: str
    """A short snake_case name: `unusable_answer`, `not_answered`, `over_budget`, `sealed`, `answers_disagree`, ..."""
    detail: str = ""
    language: Language | None = None
    origin: Origin


class CandidateCounts(Record):
    """Account of all candidates: `planned == kept + sum(dropped.values()) + sum(failed.values())`, always."""

    planned: int = 0
    kept: int = 0
    dropped: dict[str, int] = Field(default_factory=dict)
    """By the name of the gate."""
    failed: dict[str, int] = Field(default_factory=dict)
    """By reason."""

    @property
    def balanced(self) -> bool:
        return self.planned == self.kept + sum(self.dropped.values()) + sum(self.failed.values())


class Verdict(Record):
    """A gate's reason to drop a candidate, or the LLM judge's score of one that stays."""

    candidate: str
    """Its id."""
    position: int = Field(ge=0)
    """Its place in the candidates' file, 0-based: two candidates can be the same word for word."""
    gate: str
    """Name of the gate."""
    passed: bool
    reason: str = ""
    """A short snake_case name, finer than the gate's where there is something finer to say."""
    detail: str = ""
    """In words."""
    score: float | None = Field(None, ge=0, le=1)
    """Of the judge: 1 is best."""
    border: float | None = Field(None, ge=0, le=1)
    """Closeness of the decision: 1 at the threshold, 0 far from it; None where there is no threshold."""


class Feasibility(Artifact):
    """Feasibility test: a teacher's score on rows with known answers, measured before money is spent."""

    id: str
    task: Name
    teacher: str
    metric: str
    rows: int
    """Rows that were answered, well or badly."""
    unanswered: int = 0
    """Rows that were to be tried and got no answer at all; they do not count."""
    score: float
    """Mean over the rows, turned so that 1 is best (a number task: 1 - error / range)."""
    low: float
    high: float
    """95 % interval of the score."""
    constant_baseline: float = 0.0
    """Score of the constant baseline, one and the same answer to every row."""
    by_language: dict[Language, float] = Field(default_factory=dict)
    threshold: float
    decision: Literal["go", "unsure", "stop"]
    """`go`: the score reaches the threshold. `unsure`: only the interval does. `stop`: not even that, or no better than a fixed
    answer. How far free texts overlap says little of how good they are: a task of free text is `unsure` below the threshold."""
    answers: list[str] = Field(default_factory=list)
    """Keys of the answers it rests on, which are paid for with the candidates."""
    wrong: list[str] = Field(default_factory=list)
    """Some rows it got wrong: input, expected and given answer, shortened, for the person who decides."""


class Seal(Artifact):
    """The test rows of all tasks of a project, fixed before the first request to a teacher.

    No teacher is shown one of them, whatever task it writes rows for. Candidates made under another seal are not used.
    """

    id: str
    inputs: dict[Name, list[str]]
    """Task → SHA-256 of each test input after `normalise`, sorted; tasks without test rows are left out."""
    documents: dict[Name, dict[str, Literal["train", "dev", "test"]]] = Field(default_factory=dict)
    """Task → document → the split of rows made from it, for tasks whose dev or test rows have to be made."""


class UsedAnswer(Record):
    """A line of `answers.jsonl`: an answer of the teacher that a run rests on."""

    key: str
    """Its name in the ledger."""


class CandidateSet(Artifact):
    """One run of generation or augmentation; beside it lie `candidates.jsonl`, `failed.jsonl` and `answers.jsonl`."""

    id: str
    task: Name
    stage: Literal["synth", "augment"]
    candidates: int
    failed: dict[str, int] = Field(default_factory=dict)
    sha256: str
    """Hash of the candidates' JSONL file."""
    teacher: str = ""
    seal: str
    """Id of the seal that held."""
    passages: str | None = None
    """Id of the passage set, where one was used."""
    earlier: list[str] = Field(default_factory=list)
    """Ids of the runs whose candidates were kept and that this one adds to, the oldest first."""
    made_for: str = ""
    """Id of the task's instruction, output and rules."""
    made_from: str = ""
    """Id of everything that decided on the result."""
    config: SynthesisConfig
    code_version: str
    usage: TeacherUsage = TeacherUsage()
    """Of all answers it rests on and no earlier run does, whichever process paid for them."""


class GatedSet(Artifact):
    """One run of the gates; beside it lie `kept.jsonl` and `dropped.jsonl` (candidates), and `verdicts.jsonl`."""

    id: str
    task: Name
    candidate_sets: list[str]
    counts: CandidateCounts
    sha256: str
    """Hash of the kept candidates' JSONL file."""
    judge: str = ""
    own_rows: str = ""
    """Id of the task's own rows that they were compared with."""
    config: GateConfig
    code_version: str
    usage: TeacherUsage = TeacherUsage()
