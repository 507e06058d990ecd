"""Settings of every stage: a section of `settings.yaml` each, and `Settings`, the whole file."""

import re
from typing import Annotated, Literal, get_args

from pydantic import Field, model_validator

from anytasktune.records import Artifact, Language, Record, fault
from anytasktune.settings.systems import OWN_SYSTEMS, SIMPLE, OwnSystem

DType = Literal["float32", "bfloat16"]
InputSource = Literal["passage", "example", "task_only"]
"""Material of a new input: a passage of a document, rows of the task, or the task alone."""
Augmentation = Literal[
    "paraphrase",
    "restructure",
    "expand",
    "simplify",
    "typos",
    "register",
    "translate",
    "counterfactual",
    "noisy_input",
]
"""Kinds of variants of a row."""


_VARIABLE = re.compile(r"[A-Z_][A-Z0-9_]{0,63}")
LARGEST_SEED = 2**63 - 1
"""Seeds go to several generators of random numbers; all of them take this one."""
Seed = Annotated[int, Field(ge=0, le=LARGEST_SEED)]
MOST_ROWS, MOST_TOKENS, MOST_MONEY = 10_000_000, 1_000_000, 1e9


def _all_input_sources() -> list[InputSource]:
    return list(get_args(InputSource))


class SplitConfig(Record):
    """Splitting of rows that come without splits."""

    dev: float = Field(0.1, ge=0, lt=1)
    """Share of rows for choosing when to stop."""
    test: float = Field(0.2, gt=0, lt=1)
    """Share of rows kept sealed for the report."""
    seed: Seed = 0
    near_duplicate: float = Field(0.8, gt=0, le=1)
    """Inputs at least this similar (Jaccard over character 5-grams, by MinHash) go to the same split."""

    @model_validator(mode="after")
    def _leaves_something_to_train_on(self) -> "SplitConfig":
        if self.dev + self.test >= 1:
            raise fault(f"dev {self.dev:g} + test {self.test:g} leaves no rows to train on", "dev")
        return self


class TrainConfig(Record):
    """Training of adapters. Settings that are None are chosen by the model's size and the number of rows (see `preset`)."""

    model: str = "smollm2-135m"
    """Local folder, `.gguf` file, Hub id, `modelscope:` id, or the alias of the embedded default."""
    preset: Literal["quick", "balanced", "thorough"] = "balanced"
    """The one dial: how long to train."""
    method: Literal["auto", "lora", "head"] = "auto"
    """`auto`: an adapter, and for tasks with labels or numbers a label head whose scores are joined with its own. `lora`: the
    adapter alone. `head`: such tasks only: the label head alone, ready in a minute."""
    rank: int | None = Field(None, ge=1, le=512)
    alpha: float | None = Field(None, gt=0, le=1_000_000)
    """LoRA scale is alpha / rank; 32 unless set."""
    learning_rate: float | None = Field(None, gt=0, le=1)
    """Peak rate. Unless set: 1.3e-3 at hidden size 576, about 5e-4 at 1024."""
    epochs: float | None = Field(None, gt=0, le=1000)
    batch_size: int = Field(16, ge=1, le=4096)
    """Examples per optimiser step."""
    warmup: float = Field(0.06, ge=0, lt=1)
    """Share of the steps in which the rate rises from 0 to its peak; it then falls along a cosine to a tenth."""
    weight_decay: float = Field(0.0, ge=0, le=100)
    max_grad_norm: float = Field(1.0, gt=0, le=1_000_000)
    max_length: int = Field(2048, ge=8, le=MOST_TOKENS)
    """Most tokens of prompt and answer together; longer rows fail the preflight."""
    label_loss: float = Field(0.0, ge=0, le=1)
    """Share of the loss over labels in the loss of label tasks: where labels begin alike, only the tokens that continue one of
    them are compared. The rest is the loss over the whole vocabulary."""
    balance: bool = False
    """Label tasks: draw rows of rare labels more often; a label of n rows gets a share of √n of every epoch."""
    select_by: Literal["score", "loss"] = "score"
    """Choice of the weights that are kept: `score`, by the task's metric on dev, by dev loss among equals; `loss`, by dev loss.
    Tasks whose answers are generated are scored only where that takes little of the training's time."""
    patience: int = Field(2, ge=1, le=1000)
    """Stop after this many dev evaluations that were better by neither score nor loss."""
    evals: int = Field(6, ge=1, le=1000)
    """Dev evaluations per run, the last one at its end."""
    max_dev_rows: int = Field(128, ge=1, le=MOST_ROWS)
    """Dev rows used for that; several tasks share them evenly."""
    max_train_rows: int | None = Field(None, ge=1, le=MOST_ROWS)
    """Use only the first so many training rows (of the seeded order) of each task."""
    sampling_temperature: float = Field(2.0, ge=1, le=1000)
    """In multi-task training a task of n rows gets a share of n^(1/this) of every epoch: 1 keeps the sizes, more evens them
    out."""
    prompt_loss_weight: float = Field(0.0, ge=0, le=1)
    """Weight of a prompt token in the loss, where an answer token has 1; 0.01 to 0.1 can help when answers are very short."""
    adapters_at_once: int | None = Field(None, ge=1, le=64)
    """Task-LMs trained at the same time; unless set, one on a CPU, on a GPU as many as keep it busy. Changes the result by
    rounding only."""
    dtype: Literal["auto", "float32", "bfloat16"] = "auto"
    """`auto`: bfloat16 where the processor or GPU computes in it, float32 otherwise."""
    device: str = "auto"
    """`auto`, `cpu`, `cuda`, `mps`."""
    seed: Seed = 0
    skip_bad_rows: bool = False
    """Train without the rows that fail the preflight instead of refusing to start."""
    micro_batch_tokens: int | None = Field(None, ge=16, le=100 * MOST_TOKENS)
    """Most tokens in one forward pass; unless set, 2048 on a CPU and 32768 on a GPU. Changes the result by rounding only."""
    checkpoint_seconds: float = Field(60.0, ge=0, le=1_000_000)
    """Seconds between checkpoints: the most work a killed run loses."""


class ModelPrices(Record):
    """Prices of a model behind an endpoint, per million tokens."""

    price_in: float = Field(ge=0, le=MOST_MONEY)
    price_out: float = Field(ge=0, le=MOST_MONEY)


class EvalConfig(Record):
    """Evaluation of systems."""

    systems: list[OwnSystem] = Field(default_factory=lambda: list(OWN_SYSTEMS), min_length=1)
    """Systems to evaluate; of the Task-LMs, those that are trained. Simple baselines are evaluated beside them in any case."""
    general_models: list[str] = Field(default_factory=list)
    """General models to compare with (`--with`): one named as `train.model`, or `http://HOST:PORT/v1:MODEL` for one behind an
    OpenAI-compatible endpoint, which is sent the rows that are evaluated, without their reference answers."""
    key_variables: dict[str, str] = Field(default_factory=dict)
    """Environment variables that hold the API keys of endpoints (`--with-key`), by HOST or HOST:PORT."""
    prices: dict[str, ModelPrices] = Field(default_factory=dict)
    """Prices of general models behind an endpoint, by MODEL or, where two endpoints have it, MODEL@HOST."""
    machine_price_per_hour: float | None = Field(None, ge=0, le=MOST_MONEY)
    """Price of an hour of this machine. Unset: no cost is reported for what is computed here."""
    payback_months: int = Field(12, ge=1, le=1200)
    """Months within which tuning is to pay for its training: the report says how many requests a month that takes."""
    currency: str = "USD"
    """Currency of these prices; for endpoints, caps and the ledger count in it, too."""
    simple_baselines: bool = True
    """Evaluate constant, nearest and linear, which takes seconds; without them the report has a caveat."""
    shots: int = Field(4, ge=1, le=64)
    """Examples shown to the base model in `few_shot`."""
    shot_choice: Literal["best", "fixed", "similar"] = "best"
    """`fixed`: the same train rows every time; `similar`: the train rows most similar to each input; `best`: whichever scores
    better on dev."""
    split: Literal["dev", "test"] = "test"
    max_rows: int | None = Field(None, ge=1, le=MOST_ROWS)
    """Evaluate only the first so many rows (the report says so)."""
    max_new_tokens: int | None = Field(None, ge=1, le=MOST_TOKENS)
    """Longest answer; unless set, a little more than the longest training answer."""
    best_of: int = Field(1, ge=1, le=64)
    """More than 1: instead of the greedy answer, the one of so many sampled answers that agrees best with the others under the
    task's metric. Takes so many times as long; labels and numbers that are scored stay as they are."""
    constrained: bool = True
    """Hold the answers of all systems to output and rules while they are generated; `false`: take them as they come."""
    batch_tokens: int = Field(8192, ge=16, le=100 * MOST_TOKENS)
    """Most prompt tokens answered together (the shared prefix not counted)."""
    resamples: int = Field(2000, ge=100, le=100_000)
    """Draws of an interval; fewest permutations of a test."""
    seed: Seed = 0
    significance: float = Field(0.05, gt=0, lt=1)
    """A difference is significant when its Holm-corrected p value is below this."""
    across_tasks: bool = False
    """Evaluate every Task-LM on the dev rows of every task, to see which tasks to train together."""
    forgetting: bool = False
    """Ask every Task-LM and its base model 80 general instructions, to see what training made it forget."""
    forgetting_budget: float | None = Field(None, ge=0, le=1)
    """Largest drop allowed, as a share of the instructions; asks them. Where the whole interval of the drop lies beyond it,
    `eval` and `tune` end with exit code 5."""

    @model_validator(mode="after")
    def _names_variables_not_keys(self) -> "EvalConfig":
        for host, name in self.key_variables.items():
            if not _VARIABLE.fullmatch(name):
                what = "needs the name of an environment variable in capital letters, not the key itself"
                raise fault(what, "key_variables", host)
        return self

    @property
    def asks_general_instructions(self) -> bool:
        """Whether what training made the Task-LMs forget is measured."""
        return self.forgetting or self.forgetting_budget is not None

    @property
    def evaluated(self) -> tuple[OwnSystem, ...]:
        """The systems that are evaluated: those of `systems`, and the simple baselines whether they are named or not."""
        chosen = (system for system in OWN_SYSTEMS if (self.simple_baselines if system in SIMPLE else system in self.systems))
        return tuple(chosen)


class TeacherConfig(Record):
    """The teacher model, its limits and its prices. Its address and key come from the environment."""

    name: str = ""
    """Name of the model at `OPENAI_BASE_URL`. Empty: no teacher."""
    judge: str = ""
    """Name of the LLM judge; empty: the teacher itself."""
    price_in: float | None = Field(None, ge=0, le=MOST_MONEY)
    """Price of a million tokens of prompts. Unset: money is not counted, tokens are."""
    price_out: float | None = Field(None, ge=0, le=MOST_MONEY)
    """Price of a million tokens of answers."""
    currency: str = "USD"
    max_cost: float | None = Field(None, ge=0, le=MOST_MONEY)
    """Cap on the cost of the project's teacher, all commands together, in `currency`. Never exceeded; needs prices."""
    max_tokens: int | None = Field(None, ge=0, le=10**15)
    """Cap in tokens, prompts and answers together."""
    concurrency: int = Field(32, ge=1, le=1024)
    """Concurrent requests at most; fewer when the server asks for it."""
    timeout: float = Field(120.0, gt=0, le=86_400)
    """Seconds to wait for one answer."""
    attempts: int = Field(5, ge=1, le=20)
    """Attempts per request at most."""
    answer_tokens: int = Field(1024, ge=16, le=65_536)
    """Maximum length of an answer in tokens."""
    mask_personal_data: bool | None = None
    """Replace phone numbers, addresses and the like by placeholders before anything is sent. Unset: as was agreed for the host,
    and never for a model on this machine."""

    @model_validator(mode="after")
    def _cap_can_be_held(self) -> "TeacherConfig":
        # without a teacher the cap is that of general models, which have prices of their own
        if self.name and self.max_cost is not None and (self.price_in is None or self.price_out is None):
            raise fault("max_cost needs price_in and price_out; max_tokens needs no prices", "max_cost")
        return self


class RouterConfig(Record):
    """The endpoint that answers inputs for which the router chooses no task. Time limit and attempts are the teacher's."""

    fallback_url: str = ""
    """Address of an OpenAI-compatible endpoint, e.g. `http://localhost:8000/v1`; its key is read from
    `ANYTASKTUNE_ROUTER_API_KEY` alone. Empty: the base model answers such inputs."""
    fallback_model: str = ""
    """Name of the model there."""

    @model_validator(mode="after")
    def _address_and_model_are_given(self) -> "RouterConfig":
        if bool(self.fallback_url.strip()) != bool(self.fallback_model.strip()):
            missing = "fallback_model" if self.fallback_url.strip() else "fallback_url"
            raise fault(f"fallback_url and fallback_model are set together; {missing} is missing", missing)
        return self


class DocumentsConfig(Record):
    """Chunking of documents into passages."""

    passage_length: int = Field(1200, ge=100, le=20_000)
    """Characters of a passage at most; a Chinese one counts as two, so that passages hold about as much in both languages."""
    shortest_passage: int = Field(60, ge=0, le=20_000)
    """Passages with fewer characters (counted the same way) are joined to a neighbour, or left out where there is none."""
    near_duplicate: float = Field(0.8, gt=0, le=1)
    """Passages at least this similar (Jaccard over character 5-grams) to an earlier one are dropped and counted."""
    largest_file: int = Field(100, ge=1, le=100_000)
    """Megabytes; larger files are refused by name."""


class SynthesisConfig(Record):
    """Generation and augmentation of candidates."""

    rows: int = Field(100, ge=1, le=1_000_000)
    """Rows wanted per task and language, before the gates."""
    inputs_from: list[InputSource] = Field(default_factory=_all_input_sources)
    """Material of new inputs; a kind of which there is none (no passages, no rows) is left out."""
    aimed_at: list[str] = Field(default_factory=list)
    """Only rows whose answer has one of these labels or is about one of these fields; empty: of all kinds."""
    samples: int = Field(1, ge=1, le=16)
    """Answers sampled per input; with more than one, the answer most of them agree on is kept."""
    least_agreement: float = Field(0.6, gt=0, le=1)
    """Share of the samples that must agree; else the candidate fails as `answers_disagree`."""
    temperature: float = Field(0.8, ge=0, le=2)
    """Sampling temperature of new inputs; answers are generated at 0, or at this where several are sampled."""
    shots: int = Field(4, ge=0, le=32)
    """Few-shot examples in the prompts of a teacher; train rows only."""
    feasibility_rows: int = Field(40, ge=0, le=1000)
    """Rows with known answers in the feasibility test of a teacher; 0: no test."""
    feasibility_threshold: float = Field(0.7, ge=0, le=1)
    """Below this score nothing is generated, unless `despite_feasibility`."""
    despite_feasibility: bool = False
    """Generate candidates although the teacher fails the feasibility test."""
    augmentations: list[Augmentation] = Field(default_factory=list)
    """Augmentations `build` makes of existing rows; `augment` makes these, or paraphrases if none is named."""
    augmented_share: float = Field(0.5, ge=0, le=10)
    """Augmented rows wanted per training row, all augmentations together."""
    seed: Seed = 0
    """Seed of every random choice."""


class GateConfig(Record):
    """Filters of candidates."""

    near_duplicate: float = Field(0.8, gt=0, le=1)
    """Inputs at least this similar to one kept before are dropped (Jaccard over character 5-grams, by MinHash)."""
    lexical_duplicate: float = Field(0.9, gt=0, le=1)
    """The same in another order: Jaccard similarity of the content words; 1 switches it off."""
    leak: float = Field(0.6, gt=0, le=1)
    """Inputs at least this similar to a dev or test input are dropped; stricter than among themselves."""
    shortest_input: int = Field(2, ge=1, le=1_000_000)
    """Characters; shorter inputs are dropped."""
    length_factor: float = Field(3.0, gt=1, le=1_000_000)
    """Inputs and outputs longer than this many times the longest own row, or shorter than the shortest divided by it, go."""
    label_share: float = Field(3.0, ge=1, le=1_000_000)
    """A label may be this many times as frequent as an even share, or as in the own rows if it is more frequent there;
    surplus candidates are dropped."""
    personal_data: Literal["mask", "drop", "keep"] = "mask"
    """Treatment of phone numbers, identity and bank cards, e-mail and postal addresses."""
    judge_threshold: float = Field(0.6, ge=0, le=1)
    """Candidates with a lower score of the LLM judge are dropped; 0: no judge."""
    grounded: bool = True
    """Whether the words a candidate quotes must occur in its passage."""


class Settings(Artifact):
    """All settings of a project, written by hand as `settings.yaml`. Sections and settings may be left out."""

    train: TrainConfig = TrainConfig()
    split: SplitConfig = SplitConfig()
    eval: EvalConfig = EvalConfig()
    documents: DocumentsConfig = DocumentsConfig()
    teacher: TeacherConfig = TeacherConfig()
    synthesis: SynthesisConfig = SynthesisConfig()
    gates: GateConfig = GateConfig()
    router: RouterConfig = RouterConfig()
    language: Language | None = None
    """Language of messages and help, unless ANYTASKTUNE_LANG is set; default: that of the system."""
