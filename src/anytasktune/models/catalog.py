"""The catalogue of base models: the embedded default and the recommended ones."""

import difflib
from dataclasses import dataclass

DEFAULT_MODEL = "smollm2-135m"


@dataclass(frozen=True)
class CatalogEntry:
    """One base model.

    Attributes:
        name: an alias, or a Hub id, as the user writes it.
        title: the model's own name.
        languages: those it is good at, of the supported ones.
        parameters: number of weights, for people ("135M").
        download_mb: size of the download, in megabytes.
        licence: SPDX identifier.
        note: when to choose it.
    """

    name: str
    title: str
    languages: tuple[str, ...]
    parameters: str
    download_mb: int
    licence: str
    note: str


CATALOG: tuple[CatalogEntry, ...] = (
    CatalogEntry(
        name=DEFAULT_MODEL,
        title="SmolLM2-135M-Instruct",
        languages=("en",),
        parameters="135M",
        download_mb=93,
        licence="Apache-2.0",
        note="the default; comes from the Python package index, needs no model hub; English only",
    ),
    CatalogEntry(
        name="HuggingFaceTB/SmolLM2-360M-Instruct",
        title="SmolLM2-360M-Instruct",
        languages=("en",),
        parameters="360M",
        download_mb=724,
        licence="Apache-2.0",
        note="a stronger English model that still trains on a laptop",
    ),
    CatalogEntry(
        name="Qwen/Qwen3-0.6B",
        title="Qwen3-0.6B",
        languages=("en", "zh"),
        parameters="0.6B",
        download_mb=1503,
        licence="Apache-2.0",
        note="the smallest choice for Chinese",
    ),
    CatalogEntry(
        name="Qwen/Qwen3-1.7B",
        title="Qwen3-1.7B",
        languages=("en", "zh"),
        parameters="1.7B",
        download_mb=4064,
        licence="Apache-2.0",
        note="better at longer texts; a GPU is advisable",
    ),
    CatalogEntry(
        name="Qwen/Qwen3-4B",
        title="Qwen3-4B",
        languages=("en", "zh"),
        parameters="4B",
        download_mb=8045,
        licence="Apache-2.0",
        note="the strongest we recommend; needs a GPU",
    ),
)


def speaker_of(language: str) -> str:
    """The smallest model we name that speaks `language`."""
    return next(entry.name for entry in CATALOG if language in entry.languages)


def nearest_names(name: str) -> list[str]:
    """At most two names of the catalogue similar to a misspelt `name`, the nearest first.

    Case, and the organisation before the slash, do not count: ``qwen3-0.6b`` finds ``Qwen/Qwen3-0.6B``.
    """
    spellings: dict[str, str] = {}
    for entry in CATALOG:
        spellings |= {text.casefold(): entry.name for text in (entry.name, entry.name.rpartition("/")[2], entry.title)}
    matches = difflib.get_close_matches(name.casefold(), spellings, n=4, cutoff=0.6)
    return list(dict.fromkeys(spellings[match] for match in matches))[:2]


WAYS_TO_NAME_A_MODEL = (
    "a model can be named as a local folder with safetensors, a .gguf file, a Hub id (from the Hugging Face cache, "
    f"the Hub, or a mirror set with HF_ENDPOINT), modelscope:org/name, or {DEFAULT_MODEL} (needs no hub)"
)
"""The end of every error about an unreachable model."""
