"""The layout of a project folder and every write to it; whatever exists on disk is whole.

layout      `Project`: the path of everything
atomic      files and folders that appear complete or not at all
checksums   recorded with all that is written, compared whenever it is read
record_files one record per file; append-only logs; JSON Lines checked against a hash
transaction the user's own files: locked, and all files of a change or none
project_lock `asking_alone`: one command at a time asks a teacher; `held_alone`: one works on a folder
run_folder  the files of a training run: its record, the log of its steps, its Task-LM
job_folder  `JobFolder`: a job that runs as long as its process holds a lock
artifacts   `find_or_make`: an artefact by what went into it, loaded where it exists, else made and saved
"""

from anytasktune.store.artifacts import (
    LATEST,
    ArtifactKind,
    find_artifact,
    find_or_make,
    read_ref,
    record_kind,
    save_artifact,
    write_ref,
)
from anytasktune.store.atomic import atomic_folder, disk_errors, is_intact, open_log, remove_artifact, remove_file, write_atomic
from anytasktune.store.checksums import SUMS_FILE, check_sums
from anytasktune.store.exports import WRITTEN_RECORD, exporting, require_own
from anytasktune.store.job_folder import JobFolder
from anytasktune.store.layout import DOMAIN_FILE, SETTINGS_FILE, Project
from anytasktune.store.project_lock import asking_alone, held_alone
from anytasktune.store.record_files import (
    MANIFEST,
    append_line,
    hash_of_rows,
    jsonl,
    log_lines,
    read_hashed_rows,
    read_lines,
    read_manifest,
    read_record,
    write_artifact_folder,
    write_record,
)
from anytasktune.store.transaction import Changes, changing, finish_changes

__all__ = [
    "ArtifactKind",
    "Changes",
    "DOMAIN_FILE",
    "WRITTEN_RECORD",
    "JobFolder",
    "LATEST",
    "MANIFEST",
    "Project",
    "SETTINGS_FILE",
    "SUMS_FILE",
    "append_line",
    "asking_alone",
    "atomic_folder",
    "changing",
    "check_sums",
    "disk_errors",
    "exporting",
    "find_artifact",
    "finish_changes",
    "find_or_make",
    "hash_of_rows",
    "held_alone",
    "is_intact",
    "jsonl",
    "log_lines",
    "open_log",
    "read_hashed_rows",
    "read_lines",
    "read_manifest",
    "read_record",
    "read_ref",
    "record_kind",
    "remove_artifact",
    "remove_file",
    "require_own",
    "save_artifact",
    "write_artifact_folder",
    "write_atomic",
    "write_record",
    "write_ref",
]
