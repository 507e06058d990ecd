"""A base model in the store of a cluster: where it is a folder on one machine, the others take it from there."""

from anytasktune.models.cache import cache_root
from anytasktune.models.load import fingerprint, name_of
from anytasktune.models.resolve import resolve_model
from anytasktune.schema import BaseModelRef
from anytasktune.store import SUMS_FILE, atomic_folder, remove_file
from anytasktune.store.shared_store import SharedStore

_CONFIG = "config.json"


def send_base(name: str, ref: BaseModelRef, store: SharedStore) -> None:
    """Copy a local base model into the store, unless it is there."""
    place = _place(ref)
    if not store.exists(f"{place}/{_CONFIG}"):
        store.send_folder(resolve_model(name), place, last=_CONFIG)


def base_on_worker(name: str, ref: BaseModelRef, store: SharedStore) -> str | None:
    """The name under which this machine finds a base model, fetched from the store where it has to be.

    None where neither this machine nor the store has it.

    Args:
        name: as the settings of the command say; it may lead to another model here, or to none.
    """
    if found := name_of(ref, name):
        return found
    target = cache_root() / "shared" / ref.fingerprint / ref.name
    if not target.exists():
        if not store.exists(f"{_place(ref)}/{_CONFIG}"):
            return None
        with atomic_folder(target) as temporary:
            store.fetch_folder(_place(ref), temporary)
            remove_file(temporary / SUMS_FILE)  # it is made anew, of all files
    return str(target) if fingerprint(target) == ref.fingerprint else None


def _place(ref: BaseModelRef) -> str:
    return f"models/{ref.fingerprint}"
