"""Models from ModelScope, through its optional package and in its own cache (MODELSCOPE_CACHE counts)."""

import importlib.util
import logging
from pathlib import Path

from anytasktune.errors import ModelError
from anytasktune.models.catalog import WAYS_TO_NAME_A_MODEL
from anytasktune.models.folder import check_model_folder, is_model_folder
from anytasktune.models.hub import ALLOWED_FILES, IGNORED_FILES
from anytasktune.models.silence_libraries import reason_of

log = logging.getLogger(__name__)


def modelscope_folder(repo: str) -> Path:
    """The folder of a ModelScope model ``org/name``; what is whole in the cache is used as it is.

    Raises:
        ModelError: the modelscope package is not installed, or the model is unknown, not safetensors or out of reach.
    """
    if not _is_installed():
        fix = f"pip install modelscope; {WAYS_TO_NAME_A_MODEL}"
        raise ModelError(f"fetching {repo} from ModelScope needs the modelscope package", fix=fix)
    cached = cached_modelscope_folder(repo)
    if cached is not None:
        return cached
    log.info("Fetching %s from ModelScope", repo)
    try:
        folder = _snapshot(repo, local_files_only=False)
    except Exception as error:  # which classes it raises changed from release to release
        raise ModelError(f"ModelScope could not give {repo}: {reason_of(error)}", fix=WAYS_TO_NAME_A_MODEL) from error
    return check_model_folder(folder)


def cached_modelscope_folder(repo: str) -> Path | None:
    """The folder of `repo` if it is whole in ModelScope's cache, else None; no network."""
    if not _is_installed():
        return None
    try:
        folder = _snapshot(repo, local_files_only=True)
    except Exception:
        return None
    return folder if is_model_folder(folder) else None


def _snapshot(repo: str, *, local_files_only: bool) -> Path:
    # its loggers report every retry of a connection; the last failure is what the user gets to read
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        from modelscope import snapshot_download

        filters = {"allow_patterns": ALLOWED_FILES, "ignore_patterns": IGNORED_FILES}
        return Path(snapshot_download(repo, local_files_only=local_files_only, **filters))
    finally:
        logging.disable(before)


def _is_installed() -> bool:
    return importlib.util.find_spec("modelscope") is not None
