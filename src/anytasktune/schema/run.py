"""Records of training: a run, its base model, and the manifest of a Task-LM."""

from collections.abc import Iterable
from typing import ClassVar, Literal

from pydantic import Field, model_validator

from anytasktune.outputs import JsonStyle
from anytasktune.records import Artifact, Language, Name, Record, Usage, fault
from anytasktune.schema.linear_manifest import Readout
from anytasktune.schema.task import Task
from anytasktune.settings import DType, TrainConfig


class ResolvedTrainConfig(Record):
    """Settings of a run with every default filled in."""

    rank: int
    alpha: float
    learning_rate: float
    epochs: float
    steps: int
    dtype: DType
    device: str
    rows_by_task: dict[Name, int] = Field(default_factory=dict)
    """Training rows each task has."""
    scored_dev_rows: int = 0
    """Dev rows whose answers are scored at every evaluation; 0 where dev loss alone decides."""


class BaseModelRef(Record):
    """The base model of an adapter."""

    name: str
    """As the user wrote it; of a folder or file the last part of its path, since Task-LMs and reports are shared."""
    local: bool = False
    """Whether it was a folder or file on the machine that trained it."""
    fingerprint: str
    """Hash of its config and weights, so that an adapter is never put on another model."""
    hidden_size: int
    layers: int


class Rendering(Record):
    """Rendering of prompts, so that serving renders them the same way."""

    template: Literal["chat", "plain"]
    """`chat`: the tokenizer's chat template. `plain`: the template documented in `anytasktune.chat`."""
    system_role: bool
    """Whether the instruction is in a system message (else at the head of the user's)."""
    end_of_turn: list[int]
    """Token ids that end an answer: trained, and stop tokens of generation."""


class Decoding(Record):
    """Method and length limit of answers."""

    method: Literal["label_scoring", "number_scoring", "label_set_scoring", "greedy"]
    """`label_scoring`: the most probable label. `number_scoring`: the median of the probabilities of `numbers`.
    `label_set_scoring`: the labels whose joined scores reach a threshold (label head). `greedy`: generated token by token, as
    numbers and label sets are where `constrained` is off."""
    max_new_tokens: int
    best_of: int = 1
    """Answers generated per input, of which the one that agrees best with the others is given; 1: the greedy answer."""
    constrained: bool = True
    """Whether an answer is held to the task's output and rules while it is generated."""
    styles: dict[Language, JsonStyle | str | int | None] = Field(default_factory=dict)
    """Per language, the way the training answers are written: indent and order of keys, separator, digits after the point."""
    numbers: dict[Language, list[str]] = Field(default_factory=dict)
    """`number_scoring`: per language, the possible answers, ascending; at one place the same number in all languages."""

    @property
    def scores_answers(self) -> bool:
        """Whether the probabilities of all possible answers are computed, and nothing is generated."""
        return self.method == "label_scoring" or (self.method == "number_scoring" and self.constrained)

    @property
    def scores_label_sets(self) -> bool:
        """Whether a label head chooses the labels of an answer."""
        return self.method == "label_set_scoring" and self.constrained


class EvalPoint(Record):
    """Evaluation on dev after a step."""

    step: int
    dev_loss: float
    dev_score: float | None = None
    """The task's metric as a share of its best value, from 0 to 1; the mean over tasks of several. None: not scored."""

    @property
    def rank(self) -> tuple[float, float]:
        """Larger is better: by score, by loss among equals."""
        return self.dev_score or 0.0, -self.dev_loss


class StepMetrics(Record):
    """One step of a run: a line of `metrics.jsonl`."""

    step: int
    loss: float
    learning_rate: float
    tokens: int
    """Trunk tokens of the step (a shared prefix once)."""
    seconds: float
    """The share of this run where several are trained at the same time."""
    dev_loss: float | None = None
    dev_score: float | None = None


class Estimate(Record):
    """Expected cost of a run."""

    tokens: int
    """Trunk tokens over all steps, dev evaluations not counted."""
    seconds: float
    memory_bytes: int
    """Peak of the process (CPU), or of the device."""

    @classmethod
    def total(cls, estimates: Iterable["Estimate"]) -> "Estimate":
        """Runs one after the other: tokens and seconds add up, memory is that of the largest."""
        runs = list(estimates)
        return cls(
            tokens=sum(run.tokens for run in runs),
            seconds=round(sum(run.seconds for run in runs), 2),
            memory_bytes=max((run.memory_bytes for run in runs), default=0),
        )


class TrainedElsewhere(Record):
    """Facts on the training of an adapter by another program; None and empty: not known."""

    program: str = ""
    base_model: str = ""
    """As the adapter's own configuration names it."""
    peft_version: str = ""
    adapted_layers: int = 0
    steps: int | None = None
    epochs: float | None = None
    final_train_loss: float | None = None
    weights_sha256: str = ""
    """Of the weights file that was imported."""


class Run(Artifact):
    """One training of one Task-LM, as it ended."""

    id: str
    target: str
    """Name of the adapter target: a task, `action-` and the name of an action, or `mixed-pool`."""
    tasks: list[Name] = Field(min_length=1)
    datasets: dict[Name, str]
    """Task → id of the frozen data set."""
    left_out: dict[Name, int] = Field(default_factory=dict)
    """Task → rows of its data set that were removed: their input is in a test row of another task, or a learning curve
    or the transfer between languages trains on fewer rows."""
    config: TrainConfig
    resolved: ResolvedTrainConfig
    base_model: BaseModelRef
    train_rows: int
    dev_rows: int
    steps_done: int
    best_step: int
    """The step whose weights are kept; the last of `averaged_steps` where their average is."""
    dev_curve: list[EvalPoint]
    averaged_steps: list[int] = Field(default_factory=list)
    """The steps whose weights were averaged as one more candidate."""
    average: EvalPoint | None = None
    """The average's evaluation on dev; its step is the last of them."""
    average_kept: bool = False
    """Whether the average was better than the weights of every step."""
    final_train_loss: float
    stopped_early: bool
    ended: str = ""
    """When it ended, ISO 8601 in UTC; empty in records of earlier versions."""
    usage: Usage
    versions: dict[str, str]
    estimate: Estimate | None = None
    """Its expected cost, if it was estimated."""
    imported: bool = False
    """Another program trained it; its steps, losses and training time are not those of this record."""
    trained_elsewhere: TrainedElsewhere | None = None
    """Facts on that training; None in records of earlier versions, too."""
    estimate_error: float | None = None
    """Relative error of the estimated seconds for the steps done: 0.1 means it took 10 % longer."""

    @property
    def train_seconds(self) -> float | None:
        """Time of the training; None where another program trained it."""
        return None if self.imported else self.usage.seconds

    @property
    def kept(self) -> EvalPoint | None:
        """The evaluation of the weights that were kept; None without dev rows."""
        if self.average_kept:
            return self.average
        return next((point for point in self.dev_curve if point.step == self.best_step), None)


class SourceWeights(Record):
    """Weights of the sources of label scores in a log-linear mix."""

    tokens: float
    """The label's tokens under the Task-LM."""
    means: float
    """The head on means of the input's hidden states."""
    last_token: float
    """The head on the hidden states of the prompt's last token."""
    words: float
    """The linear model on words and characters."""


class LabelHeadRecord(Record):
    """A label head that lies beside an adapter."""

    weights: SourceWeights
    sha256: str
    """Of its arrays."""
    words_sha256: str
    """Of the arrays of its linear model on words."""
    label_sets: Readout | None = None
    """Tasks with several labels an answer: how labels are read from the joined scores."""
    dev_scores: dict[Literal["generated", "joined"], float] = Field(default_factory=dict)
    """There: the score on dev of generated answers, and of joined ones with weights and threshold from other dev rows."""


class AnswerThreshold(Record):
    """The least probability at which a label is answered; below it an answer is unsure. Chosen on dev."""

    FEWEST_DEV_ROWS: ClassVar = 20
    FEWEST_ANSWERED: ClassVar = 10

    target: float
    """Share of the answered dev rows that must be right."""
    dev_rows: int
    probability: float | None = None
    """None: dev has too few rows to tell, or not even the most probable answers are right often enough."""
    answered: int = 0
    """Dev rows whose answer has at least this probability."""
    right: int = 0
    """Of these, the rows whose answer is right."""

    def is_unsure(self, probability: float | None) -> bool | None:
        """Whether an answer of this probability is below the threshold, as every answer is where none is high enough.

        None where the probability is not known, or dev has too few rows to tell.
        """
        if probability is None or self.dev_rows < self.FEWEST_DEV_ROWS:
            return None
        return self.probability is None or probability < self.probability


class TaskLMManifest(Artifact):
    """Everything a LoRA adapter must be used with; lies beside it as `task_lm.json`."""

    id: str
    tasks: list[Task] = Field(min_length=1)
    """The tasks as they were when it was trained: instructions, output, rules."""
    base_model: BaseModelRef
    rendering: Rendering
    decoding: dict[Name, Decoding]
    """Decoding per task."""
    datasets: dict[Name, str]
    adapter_sha256: str
    label_heads: dict[Name, LabelHeadRecord] = Field(default_factory=dict)
    """Task → its label head, for label tasks that have one."""
    thresholds: dict[Name, AnswerThreshold] = Field(default_factory=dict)
    """Label task → the threshold below which its answers are unsure; empty in a Task-LM of an older version."""
    run_id: str

    @model_validator(mode="after")
    def _every_task_has_a_decoding(self) -> "TaskLMManifest":
        if missing := [task.name for task in self.tasks if task.name not in self.decoding]:
            raise fault(f"decoding lacks {', '.join(missing)}", "decoding")
        return self

    def task(self, name: str) -> Task:
        """The task of that name, as it was when the adapter was trained; KeyError if it was not trained for it."""
        return {task.name: task for task in self.tasks}[name]
