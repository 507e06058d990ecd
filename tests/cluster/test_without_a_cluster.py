"""The work of a worker without Ray around it: a full disk, a base model that only the store has, a checkpoint half written."""

from pathlib import Path

import pytest

from anytasktune.errors import StoreError, TrainingError
from anytasktune.models.load import fingerprint, inspect_model
from anytasktune.models.shared_base import base_on_worker, send_base
from anytasktune.pipeline import Workspace
from anytasktune.pipeline.cluster_worker import UnitOrder, train_unit, versions_here
from anytasktune.pipeline.training_context import TrainingContext
from anytasktune.schema import Run
from anytasktune.schema.training_order import RowsOfTask, TrainingOrder
from anytasktune.store import Project
from anytasktune.store.run_folder import finished_run
from anytasktune.store.shared_runs import SharedRun
from anytasktune.store.shared_store import SharedStore
from tests.cluster.conftest import Reference, write_tasks
from tests.limits import files_up_to


def unit_order(reference: Reference, project: Path, store: SharedStore, **facts: str) -> UnitOrder:
    """The order of all trainings of a project, with what a worker reads in the store."""
    context = TrainingContext.begin(Workspace.open(project), reference.settings, None)
    config, base = context.settings.train, context.model_info.ref
    runs = {run.target: run.id for run in reference.runs}
    for data in context.training_data(context.workspace.tasks(), "task"):
        parts = [
            RowsOfTask(
                task=part.task, splits={name: list(rows) for name, rows in part.splits.items()}, dataset_id=part.dataset_id
            )
            for part in data.parts
        ]
        order = TrainingOrder(run_id=runs[data.target], target=data.target, parts=parts, config=config, base_model=base)
        SharedRun(store, data.target, order.run_id).write_order(order)
    here = versions_here().model_copy(update={"device": "cpu", "dtype": context.dtype} | facts)
    return UnitOrder(store.place, runs, {}, config, base, here)


def fetched(reference: Reference, project: Path, store: SharedStore) -> list[Run]:
    """The runs that are in the store, copied into the project."""
    found = []
    for run in reference.runs:
        folder = Project.open(project).runs(run.target) / run.id
        if SharedRun(store, run.target, run.id).fetch(folder, print) is not None:
            found.append(finished_run(folder))
    return found


@pytest.mark.parametrize("size", [15_000, 60_000])
def test_a_full_disk_ends_a_unit_and_the_same_order_goes_on(reference: Reference, tmp_path: Path, size: int) -> None:
    project, store = write_tasks(tmp_path, 4), SharedStore.at(str(tmp_path / "store"))
    order = unit_order(reference, project, store)
    with files_up_to(size), pytest.raises(StoreError, match="files may not get that large here"):
        train_unit(order, lambda _: None)
    assert not list((tmp_path / "store").glob("**/.*")), "no half-written file stays"
    before = {run.target for run in fetched(reference, project, store)}
    lines: list[str] = []
    train_unit(order, lines.append)
    assert sum('"finished"' in line for line in lines) == 4 - len(before)
    reference.assert_equal(project, fetched(reference, project, store))
    train_unit(order, lines.append)
    assert sum('"finished"' in line for line in lines) == 4 - len(before), "what the store has is not trained again"


def test_a_worker_of_another_precision_refuses_a_unit(reference: Reference, tmp_path: Path) -> None:
    project, store = write_tasks(tmp_path, 4), SharedStore.at(str(tmp_path / "store"))
    order = unit_order(reference, project, store)
    other = "bfloat16" if order.facts.dtype == "float32" else "float32"
    with pytest.raises(TrainingError, match=f"computes in {order.facts.dtype}, node .* in {other}"):
        train_unit(unit_order(reference, project, store, dtype=other), lambda _: None)


def test_a_model_folder_of_another_machine_comes_from_the_store(
    tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ref, store = inspect_model(str(tiny_model)).ref, SharedStore.at(str(tmp_path / "store"))
    send_base(str(tiny_model), ref, store)
    monkeypatch.setenv("ANYTASKTUNE_CACHE", str(tmp_path / "cache of a worker"))
    name = base_on_worker("/a/folder/of/the/laptop", ref, store)
    assert name and fingerprint(Path(name)) == ref.fingerprint
    assert inspect_model(name).ref == ref, "with the name that the record of a run has"
    store.remove("models")
    assert base_on_worker("/a/folder/of/the/laptop", ref, store) == name
    monkeypatch.setenv("ANYTASKTUNE_CACHE", str(tmp_path / "cache of another worker"))
    assert base_on_worker("/a/folder/of/the/laptop", ref, store) is None
