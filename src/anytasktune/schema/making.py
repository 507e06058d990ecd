"""How data sets are made: the settings of `build.yaml`."""

from typing import Literal, get_args

from pydantic import Field, model_validator

from anytasktune.schema.base import Artifact, Record, fault
from anytasktune.schema.passages import IngestConfig

Synthesis = Literal["passage", "seed", "plan"]
Enhancement = Literal[
    "paraphrase",
    "restructure",
    "expand",
    "simplify",
    "typos",
    "register",
    "translate",
    "counter_example",
    "repair",
]


def _all_syntheses() -> list[Synthesis]:
    return list(get_args(Synthesis))


class TeacherConfig(Record):
    """Which model is asked, how hard, and what it may cost. Where it lives and its key come from the environment."""

    teacher: str = ""
    """Name of the model at `OPENAI_BASE_URL`. Empty: no teacher is asked."""
    judge: str = ""
    """Name of the model that judges what the teacher made; empty: the teacher itself."""
    price_in: float | None = Field(None, ge=0)
    """Price of a million tokens of prompts. Unset: money is not counted, tokens are."""
    price_out: float | None = Field(None, ge=0)
    """Price of a million tokens of answers."""
    currency: str = "USD"
    max_cost: float | None = Field(None, ge=0)
    """The most the project's teacher may cost, all runs together, in `currency`. Never passed; needs prices."""
    max_tokens: int | None = Field(None, ge=0)
    """The same in tokens, prompts and answers together."""
    concurrency: int = Field(32, ge=1, le=1024)
    """Most requests under way at once; fewer when the server asks for it."""
    timeout: float = Field(120.0, gt=0)
    """Seconds to wait for one answer."""
    attempts: int = Field(5, ge=1, le=20)
    """How often one request is sent at most."""
    answer_tokens: int = Field(1024, ge=16, le=65_536)
    """Longest answer asked for."""

    @model_validator(mode="after")
    def _cap_can_be_held(self) -> "TeacherConfig":
        if self.max_cost is not None and (self.price_in is None or self.price_out is None):
            raise fault("max_cost needs price_in and price_out; max_tokens needs no prices", "max_cost")
        return self


class TeacherUsage(Record):
    """What asking a teacher took."""

    requests: int = 0
    """Sent and paid for, repeated ones included."""
    found: int = 0
    """Answers that were there from an earlier run and were not paid again."""
    prompt_tokens: int = 0
    answer_tokens: int = 0
    cost: float | None = None
    """In `currency`; None where no prices are known."""
    currency: str = ""
    seconds: float = 0.0


class SynthesisConfig(Record):
    """How candidates are made."""

    rows: int = Field(100, ge=1, le=1_000_000)
    """Rows wanted per task and language, before the gates."""
    ways: list[Synthesis] = Field(default_factory=_all_syntheses)
    """Where new inputs come from; those for which there is nothing (no passages, no seeds) are left out. They share rows."""
    samples: int = Field(1, ge=1, le=16)
    """Answers sampled per input; with more than one, the answer most of them agree on is kept."""
    least_agreement: float = Field(0.6, gt=0, le=1)
    """Share of the samples that must agree; else the candidate fails as `answers_disagree`."""
    temperature: float = Field(0.8, ge=0, le=2)
    """Of new inputs; answers are asked for at 0, or at this where several are sampled."""
    shots: int = Field(4, ge=0, le=32)
    """Examples a teacher is shown; train rows only, never dev or test."""
    feasibility_rows: int = Field(40, ge=0, le=1000)
    """Rows with known answers a teacher is tried on first; 0: it is not tried."""
    feasibility_threshold: float = Field(0.7, ge=0, le=1)
    """Below this score nothing is made, unless `despite_feasibility`."""
    despite_feasibility: bool = False
    """Make candidates although the teacher fails on known rows."""
    enhancements: list[Enhancement] = Field(default_factory=list)
    """Which enhancements `build` makes of the rows there are; `augment` makes these, or typos and paraphrases by default."""
    enhanced_share: float = Field(0.5, ge=0, le=10)
    """Enhanced rows wanted per training row there is, over all enhancements together."""
    seed: int = 0
    """Decides every choice that is left to chance."""


class GateConfig(Record):
    """What a candidate must pass."""

    near_duplicate: float = Field(0.8, gt=0, le=1)
    """Inputs at least this similar to one kept before are dropped (Jaccard over character 5-grams, by MinHash)."""
    semantic_duplicate: float = Field(0.92, gt=0, le=1)
    """The same by what the words mean as far as their weights say it (cosine); 1 switches it off."""
    leak: float = Field(0.6, gt=0, le=1)
    """Inputs at least this similar to a dev or test input are dropped; stricter than among themselves."""
    shortest_input: int = Field(2, ge=1)
    """Characters; shorter inputs are dropped."""
    length_factor: float = Field(3.0, gt=1)
    """Inputs and outputs longer than this many times the longest seed, or shorter than the shortest divided by it, go."""
    label_share: float = Field(3.0, ge=1)
    """A label may be this many times as frequent as an even share, or as in the seeds if it is more frequent there; the rest is
    dropped."""
    personal_data: Literal["mask", "drop", "keep"] = "mask"
    """What is done with phone numbers, identity and bank cards, e-mail and postal addresses."""
    judge_threshold: float = Field(0.6, ge=0, le=1)
    """Candidates a judge scores lower are dropped; 0: no judge is asked."""
    grounded: bool = True
    """Whether what a candidate made from a passage rests on must stand there."""


class BuildConfig(Artifact):
    """The config of `build`, written by hand as `build.yaml`."""

    teacher: TeacherConfig = TeacherConfig()
    synthesis: SynthesisConfig = SynthesisConfig()
    gates: GateConfig = GateConfig()
    ingest: IngestConfig = IngestConfig()
