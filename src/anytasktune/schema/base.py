"""What all records have in common."""

from typing import Literal

from pydantic import BaseModel, ConfigDict

SCHEMA_VERSION: Literal[1] = 1


class Record(BaseModel):
    """A value: unknown fields are refused, and nothing is changed after it was made."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Artifact(Record):
    """A record that is a file of its own, and so says which version of the format it is."""

    schema_version: Literal[1] = SCHEMA_VERSION


class Usage(Record):
    """What making an artefact cost."""

    seconds: float = 0.0
    tokens: int = 0
    """Tokens the model processed, a shared prefix counted once per optimiser step."""
    peak_memory_mb: float | None = None
