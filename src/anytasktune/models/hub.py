"""Models from the Hugging Face Hub, in its own cache (HF_HOME, HF_ENDPOINT, HF_HUB_OFFLINE and HF_TOKEN count)."""

import errno
import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from anytasktune.errors import ModelError, StoreError
from anytasktune.models.catalog import WAYS_TO_NAME_A_MODEL, nearest_names
from anytasktune.models.folder import check_model_folder, is_model_folder, no_safetensors
from anytasktune.models.silence_libraries import reason_of

if TYPE_CHECKING:
    from huggingface_hub.errors import HfHubHTTPError

log = logging.getLogger(__name__)

ALLOWED_FILES = ["*.json", "*.safetensors", "*.jinja", "*.model", "*.txt"]
IGNORED_FILES = ["*/*", "consolidated*.safetensors"]
"""Other formats in subfolders, and second copies of the weights."""
DISK_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def hub_folder(repo: str) -> Path:
    """The snapshot folder of a Hub repository; what is whole in the cache is used as it is, without asking the Hub.

    Raises:
        ModelError: unknown, gated or private, not safetensors, or the Hub cannot be reached.
        StoreError: the Hub's cache is full or read-only.
    """
    cached = cached_hub_folder(repo)
    if cached is not None:
        return cached
    log.info("Fetching %s from the Hub", repo)
    try:
        with _quiet_hub():
            return check_model_folder(_download(repo))
    except (ModelError, StoreError):
        raise
    except Exception as error:  # the Hub's client passes on whatever the network library raises
        raise _explained(repo, error) from error


def cached_hub_folder(repo: str) -> Path | None:
    """The snapshot folder of `repo` if it is whole in the cache, else None; no network."""
    from huggingface_hub import snapshot_download

    try:
        with _quiet_hub():
            folder = snapshot_download(repo, local_files_only=True, allow_patterns=ALLOWED_FILES, ignore_patterns=IGNORED_FILES)
    except (OSError, ValueError):
        return None
    return Path(folder) if is_model_folder(Path(folder)) else None


def _download(repo: str) -> Path:
    from huggingface_hub import HfApi, snapshot_download

    # Listing the files has a call of its own, but that one tries for half a minute when there is no network.
    files = [file.rfilename for file in HfApi().model_info(repo).siblings or () if "/" not in file.rfilename]
    if not any(file.endswith(".safetensors") for file in files):
        raise ModelError(no_safetensors(repo, files))
    return Path(snapshot_download(repo, allow_patterns=ALLOWED_FILES, ignore_patterns=IGNORED_FILES))


def _explained(repo: str, error: Exception) -> ModelError | StoreError:
    from huggingface_hub import constants
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, OfflineModeIsEnabled

    if isinstance(error, HFValidationError):
        return ModelError(f"no model can be called {repo}: {reason_of(error)}", fix=_after_unknown(repo))
    if isinstance(error, HfHubHTTPError):
        return _refused(repo, error, constants.ENDPOINT)
    if isinstance(error, OfflineModeIsEnabled) or isinstance(error.__cause__, OfflineModeIsEnabled):
        what = f"{repo} is not in the Hugging Face cache, and HF_HUB_OFFLINE forbids to fetch it"
        return ModelError(what, fix=f"unset HF_HUB_OFFLINE to fetch it; {WAYS_TO_NAME_A_MODEL}")
    if isinstance(error, OSError) and (error.filename is not None or error.errno in DISK_FULL):  # the network has no file names
        fix = "make room there, or set HF_HOME to a folder on another disk"
        return StoreError(f"{repo} cannot be stored: {error.strerror}", where=constants.HF_HUB_CACHE, fix=fix)
    unreachable = f"the Hub at {constants.ENDPOINT} cannot be reached ({reason_of(error)})"
    what = f"{repo} is neither a folder here nor whole in the Hugging Face cache, and {unreachable}"
    return ModelError(what, fix=WAYS_TO_NAME_A_MODEL)


def _refused(repo: str, error: "HfHubHTTPError", endpoint: str) -> ModelError:
    from huggingface_hub.errors import GatedRepoError, RepositoryNotFoundError

    if isinstance(error, GatedRepoError):
        fix = f"accept its terms at {endpoint}/{repo}, then set HF_TOKEN to a token of that account"
        return ModelError(f"the Hub gives {repo} only to people who accepted its terms", fix=fix)
    if isinstance(error, RepositoryNotFoundError):
        what = f"there is neither a folder nor a public model on the Hub called {repo}"
        return ModelError(what, fix=_after_unknown(repo))
    what = f"the Hub at {endpoint} answered {error.response.status_code} when asked for {repo}"
    return ModelError(what, fix=f"try again later; {WAYS_TO_NAME_A_MODEL}")


def _after_unknown(repo: str) -> str:
    near = nearest_names(repo)
    guess = f"did you mean {' or '.join(near)}? " if near else ""
    return f"{guess}A private model needs HF_TOKEN; {WAYS_TO_NAME_A_MODEL}"


@contextmanager
def _quiet_hub() -> Iterator[None]:
    """Keeps the advice of the Hub's client off the terminal, and its progress bars out of what is not one."""
    from huggingface_hub.utils import are_progress_bars_disabled, disable_progress_bars, enable_progress_bars
    from huggingface_hub.utils import logging as hub_logging

    level = hub_logging.get_verbosity()
    hide_bars = not sys.stderr.isatty() and not are_progress_bars_disabled()
    hub_logging.set_verbosity_error()
    if hide_bars:
        disable_progress_bars()
    try:
        yield
    finally:
        hub_logging.set_verbosity(level)
        if hide_bars:
            enable_progress_bars()
