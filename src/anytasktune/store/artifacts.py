"""Artefacts by what went into them: loaded where they exist, else made and saved.

An artefact is a folder or a file below the folder of its kind, named by its id. There are two sorts of ids:

- of its inputs (a prediction set, a feasibility test): a rerun with equal inputs looks for that name;
- of its content (a data set, candidates): a reference `from-<inputs>` leads from the id of the inputs to the artefact.

`find_or_make` serves both, because it looks for the name first and for the reference then. A reference is a file that holds
an id and its checksum; `latest` is the one to the artefact that was used last.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

from pydantic import BaseModel

from anytasktune.errors import DamagedError
from anytasktune.store.atomic import remove_artifact, write_atomic
from anytasktune.store.checksums import reference_text, referenced_id
from anytasktune.store.record_files import read_record, write_record

T = TypeVar("T")
AnyRecord = TypeVar("AnyRecord", bound=BaseModel)

LATEST = "latest"
_RECORD_SUFFIX = ".json"


@dataclass(frozen=True)
class ArtifactKind(Generic[T]):
    """Name, reader and writer of one kind of artefact.

    Attributes:
        load: reads the artefact at a path; DamagedError if it is not what was saved.
        save: writes it there, whole or not at all.
        identity: its id, and thereby its name.
        suffix: of its name; empty for a folder.
    """

    load: Callable[[Path], T]
    save: Callable[[Path, T], None]
    identity: Callable[[T], str]
    suffix: str = ""


def record_kind(record_type: type[AnyRecord], identity: Callable[[AnyRecord], str]) -> ArtifactKind[AnyRecord]:
    """The kind of artefact that is one record in a file `<id>.json`."""
    return ArtifactKind(lambda path: read_record(path, record_type), write_record, identity, _RECORD_SUFFIX)


def find_or_make(
    folder: Path,
    kind: ArtifactKind[T],
    inputs: str,
    make: Callable[[], T],
    *,
    latest: str | None = LATEST,
    reusable: Callable[[T], bool] = lambda _: True,
    note: Callable[[str], None] | None = None,
) -> tuple[T, bool]:
    """The artefact made from `inputs`, and whether it was made just now.

        dataset, made = find_or_make(project.datasets(task), DATASETS, content_id(parts), lambda: freeze(...))

    Args:
        folder: the folder of such artefacts, e.g. of the data sets of one task.
        kind: how they are named, written and read.
        inputs: the id of everything that decides on the result.
        make: makes the artefact; called only where there is none yet.
        latest: the reference that is to lead to it, if any.
        reusable: whether an equal command may take it over. Where another run could add something it may not: then no
            reference leads to it, and it is not saved at all if it is named by its inputs.
        note: receives a line on an existing artefact that is damaged, and is then made anew; without it, that is an error.

    Raises:
        DamagedError: an existing artefact is damaged, and there is no `note`.
        StoreError: the disk does not take a new one.
    """
    found = _find_intact(folder, kind, inputs, note)
    if found is not None:
        if latest:
            write_ref(folder, latest, kind.identity(found))
        return found, False
    made = make()
    named_by_inputs = kind.identity(made) == inputs
    if reusable(made) or not named_by_inputs:
        save_artifact(folder, kind, made, latest=latest)
    if reusable(made) and not named_by_inputs:
        write_ref(folder, _origin(inputs), kind.identity(made))
    return made, True


def find_artifact(folder: Path, kind: ArtifactKind[T], inputs: str) -> T | None:
    """The artefact that was made from `inputs` before; None if there is none. Raises DamagedError if it is damaged."""
    place = _place(folder, kind, inputs)
    return kind.load(place) if place else None


def _place(folder: Path, kind: ArtifactKind[T], inputs: str) -> Path | None:
    named = folder / f"{inputs}{kind.suffix}"
    if named.exists():
        return named
    identity = read_ref(folder, _origin(inputs))
    return folder / f"{identity}{kind.suffix}" if identity else None


def _find_intact(folder: Path, kind: ArtifactKind[T], inputs: str, note: Callable[[str], None] | None) -> T | None:
    """As `find_artifact`; what is damaged is removed with a note, where there is one to tell."""
    place = folder / _origin(inputs)
    try:
        found = _place(folder, kind, inputs)
        if found is None:
            return None
        place = found
        return kind.load(place)
    except DamagedError as error:
        if note is None:
            raise
        problem = error.problems[0]
        note(f"{problem.where}: {problem.what}; it is made anew")
    remove_artifact(place)
    return None


def save_artifact(folder: Path, kind: ArtifactKind[T], artifact: T, *, latest: str | None = LATEST) -> bool:
    """Write an artefact under its id unless it is there, and lead the reference `latest` to it; returns whether it is new."""
    identity = kind.identity(artifact)
    path = folder / f"{identity}{kind.suffix}"
    is_new = not path.exists()
    if is_new:
        kind.save(path, artifact)
    if latest:
        write_ref(folder, latest, identity)
    return is_new


def write_ref(folder: Path, name: str, artifact_id: str) -> None:
    """Make the reference `folder/name` lead to an artefact in `folder`."""
    path, text = folder / name, reference_text(artifact_id)
    if not path.is_file() or path.read_bytes() != text.encode():
        write_atomic(path, text)


def read_ref(folder: Path, name: str = LATEST) -> str | None:
    """The id that the reference `folder/name` holds; None if there is no such reference or the artefact is gone.

    Raises:
        DamagedError: it is not what was written.
    """
    reference = folder / name
    if not reference.is_file():
        return None
    artifact_id = referenced_id(reference.read_bytes(), reference)
    exists = any((folder / f"{artifact_id}{suffix}").exists() for suffix in ("", _RECORD_SUFFIX))
    return artifact_id if exists else None


def _origin(inputs: str) -> str:
    return f"from-{inputs}"
