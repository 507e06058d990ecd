"""Contents of a pack: its tasks, its rows per language, and the part of it that is in one language."""

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from anytasktune.domain_yaml import keep_language
from anytasktune.errors import ConfigError
from anytasktune.packs import pack_files
from anytasktune.records import Language
from anytasktune.schema import Domain
from anytasktune.settings.yaml_reading import parse_record

_DOMAIN, _DATA = "domain.yaml", "data/"


@dataclass(frozen=True)
class PackSummary:
    """A pack in a few words.

    Attributes:
        name: its name.
        title: for people, per language.
        actions: number of actions.
        tasks: number of tasks.
        rows: rows per language, over all tasks and splits.
        limits: forbidden uses, per language.
    """

    name: str
    title: dict[Language, str]
    actions: int
    tasks: int
    rows: dict[Language, int]
    limits: dict[Language, str]


def summarise(name: str) -> PackSummary:
    """Summary of the pack `name`.

    Raises:
        ConfigError: there is no such pack, or its `domain.yaml` is wrong.
    """
    contents = pack_files(name)
    domain = _domain(name, contents)
    spoken = (_language(domain, path, line) for path in _row_files(contents) for line in _lines(contents[path]))
    rows = dict(sorted(Counter(spoken).items()))
    return PackSummary(name, domain.title, len(domain.actions), len(domain.tasks), rows, domain.limits)


def files_in_language(name: str, language: Language) -> dict[str, bytes]:
    """The files of a pack with the instructions, labels and rows of one language only.

    Raises:
        ConfigError: there is no such pack, or it has no rows in that language.
    """
    contents = pack_files(name)
    domain = _domain(name, contents)
    kept = {
        path: [line for line in _lines(contents[path]) if _language(domain, path, line) == language]
        for path in _row_files(contents)
    }
    if not any(kept.values()):
        raise ConfigError(f"pack {name} has no rows in {language}", fix="leave out --language")
    contents |= {path: b"".join(line + b"\n" for line in lines) for path, lines in kept.items()}
    contents[_DOMAIN] = keep_language(contents[_DOMAIN].decode("utf-8"), language).encode("utf-8")
    return contents


def _domain(name: str, contents: Mapping[str, bytes]) -> Domain:
    return parse_record(Domain, contents[_DOMAIN].decode("utf-8"), f"{name}/{_DOMAIN}")


def _row_files(contents: Mapping[str, bytes]) -> list[str]:
    return [path for path in contents if path.startswith(_DATA) and path.endswith(".jsonl")]


def _lines(content: bytes) -> list[bytes]:
    return [line for line in content.split(b"\n") if line.strip()]


def _language(domain: Domain, path: str, line: bytes) -> Language:
    task = path.removeprefix(_DATA).removesuffix(".jsonl").split("/")[0]
    return domain.task(task).language_of(json.loads(line).get("language"))
