"""Training: what the user can set, what a run leaves behind, and what a Task-LM is."""

from typing import Literal

from pydantic import Field

from anytasktune.schema.base import Artifact, Record, Usage
from anytasktune.schema.task import Name, Task

DType = Literal["float32", "bfloat16"]


class TrainConfig(Artifact):
    """The config of `train`. What is None is chosen from the model's size and the number of rows (see `preset`)."""

    model: str = "smollm2-135m"
    """Local folder, `.gguf` file, Hub id, `modelscope:` id, or the alias of the embedded default."""
    preset: Literal["quick", "balanced", "thorough"] = "balanced"
    """The one dial: how long to train."""
    rank: int | None = Field(None, ge=1, le=512)
    alpha: float | None = Field(None, gt=0)
    """LoRA scale is alpha / rank; 32 unless set."""
    learning_rate: float | None = Field(None, gt=0, le=1)
    """Peak rate. Unless set: 1.3e-3 at hidden size 576, about 5e-4 at 1024."""
    epochs: float | None = Field(None, gt=0, le=1000)
    batch_size: int = Field(16, ge=1, le=4096)
    """Examples per optimiser step."""
    warmup: float = Field(0.06, ge=0, lt=1)
    """Share of the steps in which the rate rises from 0 to its peak; it then falls along a cosine to a tenth."""
    weight_decay: float = Field(0.0, ge=0)
    max_grad_norm: float = Field(1.0, gt=0)
    max_length: int = Field(2048, ge=8)
    """Most tokens of prompt and answer together; longer rows fail the preflight."""
    patience: int = Field(2, ge=1)
    """Stop after this many dev evaluations without a better loss."""
    evals: int = Field(6, ge=1, le=1000)
    """How often a run looks at its dev loss, the last time at its end."""
    max_dev_rows: int = Field(128, ge=1)
    """Dev rows used for that; several tasks share them evenly."""
    max_train_rows: int | None = Field(None, ge=1)
    """Use only the first so many training rows (of the seeded order) of each task."""
    sampling_temperature: float = Field(2.0, ge=1, le=1000)
    """Where one Task-LM learns several tasks, a task of n rows gets a share of n^(1/this) of every epoch: 1 keeps the sizes,
    more draws them together."""
    prompt_loss_weight: float = Field(0.0, ge=0, le=1)
    """Weight of a prompt token in the loss, where an answer token has 1; 0.01 to 0.1 can help when answers are very short."""
    adapters_at_once: int | None = Field(None, ge=1, le=64)
    """How many Task-LMs learn at the same time; unless set, one on a CPU, on a GPU as many as keep it busy. Never changes the
    result beyond rounding."""
    dtype: Literal["auto", "float32", "bfloat16"] = "auto"
    """`auto`: bfloat16 where the processor or GPU computes in it, float32 otherwise."""
    device: str = "auto"
    """`auto`, `cpu`, `cuda`, `mps`."""
    seed: int = 0
    skip_bad_rows: bool = False
    """Train without the rows that fail the preflight instead of refusing to start."""
    micro_batch_tokens: int | None = Field(None, ge=16)
    """Most tokens in one forward pass; unless set, 2048 on a CPU and 32768 on a GPU. Changes the result by rounding only."""
    checkpoint_seconds: float = Field(60.0, ge=0)
    """How much work a killed run can lose."""


class ResolvedTrainConfig(Record):
    """The numbers a run really used."""

    rank: int
    alpha: float
    learning_rate: float
    epochs: float
    steps: int
    dtype: DType
    device: str
    rows_by_task: dict[Name, int] = Field(default_factory=dict)
    """Training rows each task has."""


class BaseModelRef(Record):
    """Which base model an adapter belongs to."""

    name: str
    """As the user asked for it."""
    fingerprint: str
    """Hash of its config and weights, so that an adapter is never put on another model."""
    hidden_size: int
    layers: int


class Rendering(Record):
    """How prompts were made, so that serving makes them the same way."""

    template: Literal["chat", "plain"]
    """`chat`: the tokenizer's chat template. `plain`: the template documented in `anytasktune.chat`."""
    system_role: bool
    """Whether the instruction stands in a system message (else at the head of the user's)."""
    end_of_turn: list[int]
    """Token ids that end an answer; trained, and stopped at."""


class Decoding(Record):
    """How the answers of a task are to be generated."""

    method: Literal["label_scoring", "greedy"]
    max_new_tokens: int


class EvalPoint(Record):
    """Loss on dev at one moment of a run."""

    step: int
    dev_loss: float


class Estimate(Record):
    """What a run was expected to take before it began."""

    tokens: int
    """Trunk tokens over all steps, looks at dev not counted."""
    seconds: float
    memory_bytes: int
    """Peak of the process (CPU), or of the device."""


class Run(Artifact):
    """One training of one Task-LM, as it ended."""

    id: str
    unit: str = ""
    """What was trained for: the name of a task, `action-` and the name of an action, or `mixed-pool`."""
    tasks: list[Name] = Field(min_length=1)
    datasets: dict[Name, str]
    """Task → id of the frozen data set."""
    left_out: dict[Name, int] = Field(default_factory=dict)
    """Task → rows of its data set not learned from, because their input stands in a test row of another task."""
    config: TrainConfig
    resolved: ResolvedTrainConfig
    base_model: BaseModelRef
    train_rows: int
    dev_rows: int
    steps_done: int
    best_step: int
    dev_curve: list[EvalPoint]
    final_train_loss: float
    stopped_early: bool
    usage: Usage
    versions: dict[str, str]
    estimate: Estimate | None = None
    """What it was expected to take; None if nobody asked before."""
    estimate_error: float | None = None
    """How much longer it took than expected, as a share of what was expected for the steps it did: 0.1 is 10 % longer."""


class TaskLM(Artifact):
    """A LoRA adapter with everything needed to use it rightly. Stands beside the adapter as `task_lm.json`."""

    id: str
    tasks: list[Task] = Field(min_length=1)
    """What it was tuned for: instructions, output, rules, as they were when it was trained."""
    base_model: BaseModelRef
    rendering: Rendering
    decoding: dict[Name, Decoding]
    """Task → how its answers are generated."""
    datasets: dict[Name, str]
    adapter_sha256: str
    run_id: str
