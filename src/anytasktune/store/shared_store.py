"""A place that the machines of a cluster share: a mounted folder, or a prefix of an object store.

Nothing is locked, since a network file system may not honour a lock. Files appear whole; equal names have equal content; and of
a folder one file is written last: it marks the folder as complete, and without it a reader takes the folder as not there.
"""

import errno
import re
import shutil
import time
import uuid
from collections.abc import Callable, Sequence
from pathlib import Path, PurePosixPath
from typing import Any, TypeVar

from pyarrow.fs import FileSelector, FileSystem, FileType, LocalFileSystem
from pydantic import BaseModel

from anytasktune.errors import ConfigError, StoreError, disk_error
from anytasktune.store.checksums import with_checksum, without_checksum

T = TypeVar("T")
AnyRecord = TypeVar("AnyRecord", bound=BaseModel)
_OBJECT_STORES = {"s3", "gcs", "abfs"}
"""Systems without folders, in which a file is visible when its last byte is."""
_CHUNK = 1 << 22
_WAITS = (0.5, 2.0)
"""Seconds before each repetition of what a connection refused."""
_LASTING = {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EFBIG, errno.EACCES, errno.EPERM, errno.ENOENT, errno.ENOTDIR}
"""Errors that waiting does not mend."""
_PASSWORD = re.compile(r"(?<=://)[^/@]*@")


class SharedStore:
    """Files by their names below a root; parts of a name are divided by `/`.

    Every method raises StoreError for what the file system refuses, after it was tried three times.
    """

    def __init__(self, files: FileSystem, root: str, place: str, waits: Sequence[float] = _WAITS) -> None:
        self._files, self._root, self._waits = files, root.rstrip("/"), waits
        self.place = place
        """As `at` takes it."""
        self._has_folders = files.type_name not in _OBJECT_STORES

    @classmethod
    def at(cls, place: str) -> "SharedStore":
        """The store at a folder, or at a URI that pyarrow knows, such as `s3://bucket/prefix`.

        Raises:
            ConfigError: there is no such kind of store.
        """
        if "://" not in place:
            root = str(Path(place).expanduser().absolute())
            return cls(LocalFileSystem(), Path(root).as_posix(), root)
        try:
            files, root = FileSystem.from_uri(_with_single_requests(place))
            if not root.strip("/"):
                raise ValueError("the name of a bucket or folder is missing")
        except (OSError, ValueError) as error:
            fix = "give a folder that all machines have mounted, or s3://BUCKET/PREFIX"
            raise ConfigError(f"not a store: {error}", where=_shown(place), fix=fix) from None
        return cls(files, root, place)

    def __str__(self) -> str:
        return _shown(self.place)

    def exists(self, name: str) -> bool:
        """Whether there is a file, or a folder, of this name."""
        return bool(self._tried(name, lambda path: self._files.get_file_info(path).type != FileType.NotFound))

    def names(self, folder: str) -> list[str]:
        """The names of what lies in a folder, without the folder's, in order."""
        selector = FileSelector(self._path(folder), allow_not_found=True)
        found = self._tried(folder, lambda _: [info.base_name for info in self._files.get_file_info(selector)])
        return sorted(name for name in found if not name.startswith("."))

    def read(self, name: str) -> bytes:
        """A file's content."""

        def read(path: str) -> bytes:
            with self._files.open_input_stream(path) as stream:
                return bytes(stream.read())

        return self._tried(name, read)

    def write(self, name: str, content: bytes) -> None:
        """Write a file, whole or not at all."""
        self._tried(name, lambda path: self._write(path, lambda stream: stream.write(content)))

    def write_record(self, name: str, record: BaseModel) -> None:
        """Write a record with its checksum."""
        self.write(name, with_checksum(record.model_dump_json(indent=2)).encode())

    def read_record(self, name: str, record_type: type[AnyRecord]) -> AnyRecord:
        """Read a record; DamagedError if it is not what was written."""
        return record_type.model_validate_json(without_checksum(self.read(name), Path(f"{self}/{name}")))

    def send_folder(self, source: Path, name: str, *, last: str) -> None:
        """Copy all files of a folder on this machine; the one named `last` after all others. Hidden ones stay."""
        files = [path.relative_to(source) for path in sorted(source.rglob("*")) if path.is_file()]
        shown = [path for path in files if not any(part.startswith(".") for part in path.parts)]
        for path in sorted(shown, key=lambda path: path.as_posix() == last):

            def send(target: str, file: Path = source / path) -> None:
                with file.open("rb") as reader:
                    self._write(target, lambda stream: shutil.copyfileobj(reader, stream, _CHUNK))

            self._tried(f"{name}/{path.as_posix()}", send)

    def fetch_folder(self, name: str, target: Path) -> None:
        """Copy all files of a folder to one on this machine, which may be half written when an error ends it."""
        selector = FileSelector(self._path(name), allow_not_found=True, recursive=True)
        infos = self._tried(name, lambda _: self._files.get_file_info(selector))
        for info in infos:
            path = PurePosixPath(info.path).relative_to(PurePosixPath(self._path(name)))
            if info.type != FileType.File or any(part.startswith(".") for part in path.parts):
                continue
            file = target / path
            file.parent.mkdir(parents=True, exist_ok=True)

            def fetch(source: str, file: Path = file) -> None:
                with self._files.open_input_stream(source) as reader, file.open("wb") as writer:
                    shutil.copyfileobj(reader, writer, _CHUNK)

            self._tried(f"{name}/{path}", fetch)

    def remove(self, name: str) -> None:
        """Remove a file, or a folder with all that is in it; it may be gone already."""

        def remove(path: str) -> None:
            kind = self._files.get_file_info(path).type
            if kind == FileType.Directory:
                self._files.delete_dir(path)
            elif kind == FileType.File:
                self._files.delete_file(path)

        self._tried(name, remove)

    def _path(self, name: str) -> str:
        return f"{self._root}/{name}"

    def _write(self, path: str, fill: Callable[[Any], object]) -> None:
        """Write a file under another name first, where a file in the making would be visible."""
        made = path
        if self._has_folders:
            folder, _, name = path.rpartition("/")
            self._files.create_dir(folder, recursive=True)
            made = f"{folder}/.{name}.{uuid.uuid4().hex[:8]}"
        try:
            with self._files.open_output_stream(made) as stream:
                fill(stream)
            if made != path:
                self._files.move(made, path)
        except BaseException:
            if self._files.get_file_info(made).type == FileType.File:
                self._files.delete_file(made)
            raise

    def _tried(self, name: str, attempt: Callable[[str], T]) -> T:
        for wait in (*self._waits, None):
            try:
                return attempt(self._path(name))
            except OSError as error:
                if wait is None or error.errno in _LASTING or isinstance(error, StoreError):
                    raise disk_error(error, "the store refuses it", f"{self}/{name}") from error
                time.sleep(wait)
        raise AssertionError("every turn returns or raises")


def _shown(place: str) -> str:
    """A place without the name, password and parameters that a URI may hold."""
    return _PASSWORD.sub("", place.partition("?")[0] if "://" in place else place)


def _with_single_requests(uri: str) -> str:
    """The URI of an S3 store with which a small file is sent in one request instead of three."""
    if not uri.startswith("s3://") or "allow_delayed_open" in uri:
        return uri
    return f"{uri}{'&' if '?' in uri else '?'}allow_delayed_open=true"
