"""What a data set's card tells that does not stand in its rows: licences beside the documents, how far reviewers agree."""

import re
from collections.abc import Iterable
from pathlib import Path

from anytasktune.datasets.card import CardNotes
from anytasktune.errors import DataError
from anytasktune.pipeline.candidate_runs import MANIFEST
from anytasktune.pipeline.reviewing import agreement_of
from anytasktune.schema import Agreement, GeneratedRows, PassageSet, Task
from anytasktune.store import Project, read_record

_LICENCE_FILE = re.compile(r"(licen[cs]es?|copying|notice|copyright|许可|版权)", re.IGNORECASE)
_LICENCE_WORD = re.compile(r"licen[cs]e|copyright|public domain|许可|版权", re.IGNORECASE)
_MOST_READ = 1 << 20


def card_notes(project: Project, task: Task, made: GeneratedRows | None) -> CardNotes:
    """The notes on a data set with these made rows; none for rows that are all the user's own."""
    if made is None:
        return CardNotes()
    manifests = [project.passages / identity / MANIFEST for identity in made.passages]
    folders = {read_record(path, PassageSet).folder for path in manifests if path.exists()}
    places = [place for folder in folders for place in (project.root / folder, Path(folder)) if place.is_dir()]
    licences = sorted({name for place in places for name in _licences(place, project)})
    return CardNotes(licences, _agreement(project, task))


def _licences(folder: Path, project: Project) -> Iterable[str]:
    """Files that state licences: beside the documents, or one folder up where several folders of them share one."""
    places = [folder] if folder.resolve().parent == project.root else [folder, folder.parent]
    for place in places:
        for path in sorted(place.iterdir()):
            if path.is_dir() and _LICENCE_FILE.fullmatch(path.name):
                yield f"{path.name}/"
            elif path.is_file() and (_LICENCE_FILE.match(path.name) or _names_licence(path)):
                yield path.name


def _names_licence(path: Path) -> bool:
    if not path.name.lower().startswith("readme"):
        return False
    try:
        with path.open("rb") as stream:
            return _LICENCE_WORD.search(stream.read(_MOST_READ).decode("utf-8", "replace")) is not None
    except OSError:
        return False


def _agreement(project: Project, task: Task) -> list[Agreement]:
    try:
        return agreement_of(project, task)
    except DataError:
        return []
