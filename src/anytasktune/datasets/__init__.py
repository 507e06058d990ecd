"""Data files to examples and back, the division into splits, and frozen data sets."""

from anytasktune.datasets.columns import ColumnMap
from anytasktune.datasets.freeze import FrozenDataset, GeneratedPart, freeze, load_dataset, save_dataset
from anytasktune.datasets.join_generated import Joined, join_generated
from anytasktune.datasets.raw_rows import RowError
from anytasktune.datasets.read_result import ReadResult, total_counts
from anytasktune.datasets.read_rows import read_examples
from anytasktune.datasets.row_checking import check_examples, check_row
from anytasktune.datasets.seal import SealGuard, input_hash, seal
from anytasktune.datasets.split import check_splits, drop_leaks, split_examples
from anytasktune.datasets.task_folder import TaskFolder, is_task_folder, read_task_folder, write_task_folder
from anytasktune.datasets.write_rows import WriteFormat, write_examples

__all__ = [
    "ColumnMap",
    "FrozenDataset",
    "Joined",
    "GeneratedPart",
    "ReadResult",
    "RowError",
    "SealGuard",
    "TaskFolder",
    "WriteFormat",
    "check_examples",
    "check_row",
    "check_splits",
    "drop_leaks",
    "freeze",
    "input_hash",
    "is_task_folder",
    "join_generated",
    "load_dataset",
    "read_examples",
    "read_task_folder",
    "save_dataset",
    "seal",
    "split_examples",
    "total_counts",
    "write_examples",
    "write_task_folder",
]
