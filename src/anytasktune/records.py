"""Base classes of everything that is read from or written to disk, and the types of fields that many of them share."""

from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from pydantic_core import PydanticCustomError

SCHEMA_VERSION: Literal[1] = 1

Language = Literal["en", "zh"]
DEVICES = frozenset({"con", "prn", "aux", "nul", *(f"{port}{number}" for port in ("com", "lpt") for number in range(10))})
"""Names that no file can have on Windows, whatever its ending."""


def _is_no_device(name: str) -> str:
    if name in DEVICES:
        raise fault(f"{name!r} is the name of a device on Windows, where no file can be called so")
    return name


def no_device(name: str) -> str:
    """`name`; with `_` behind it where it is that of a device."""
    return f"{name}_" if name in DEVICES else name


Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$", max_length=64), AfterValidator(_is_no_device)]
"""Lower-case letters, digits and underscores: safe as a file name, a column and a model name."""

IN_ALL_LANGUAGES, PER_LANGUAGE = "in_all_languages", "per_language"
"""The two forms a list of labels is written in."""


class Record(BaseModel):
    """A value: unknown fields are refused, and nothing is changed after it was made."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Artifact(Record):
    """A record that is a file of its own, and so says which version of the format it is."""

    schema_version: Literal[1] = SCHEMA_VERSION


class Usage(Record):
    """The cost of making an artefact."""

    seconds: float = 0.0
    tokens: int = 0
    """Tokens the model processed, a shared prefix counted once per optimiser step."""


def fault(message: str, *at: str | int, known: Sequence[str] = ()) -> PydanticCustomError:
    """The error of a record whose fields do not go together, to be raised in a validator.

    Args:
        message: what is wrong.
        at: path from the record to the value that is best looked at.
        known: what could stand there, if the value is a misspelt name.
    """
    return PydanticCustomError("fault", "{message}", {"message": message, "at": at, "known": tuple(known)})
