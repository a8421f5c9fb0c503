"""Sources and destinations on this machine's file system."""

from __future__ import annotations

import errno
import io
import os
import shutil
import stat
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from gopfarm.errors import DestinationError, FarmError, SourceError
from gopfarm.facts import SourceRef
from gopfarm.storage.address import check_key
from gopfarm.storage.counts import counted, fault_of_system
from gopfarm.storage.destination import Destination
from gopfarm.storage.partial import (
    PARTIAL_SUFFIX,
    make_folder,
    partial_name,
    remove_stale_partials,
    sync_folder,
    writing,
)
from gopfarm.storage.source import SourceFile, check_expected

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

#: Bytes copied at a time.
_COPY_BYTES = 1 << 20

#: How often a file's folder is made anew when another job's removal takes it away meanwhile.
_PUT_ATTEMPTS = 3

_REASONS = {
    errno.ENOENT: "does not exist",
    errno.EACCES: "cannot be used: permission denied",
    errno.EPERM: "cannot be used: permission denied",
    errno.ENOSPC: "cannot be written: the disk is full",
    errno.EDQUOT: "cannot be written: the disk quota is used up",
    errno.EROFS: "cannot be written: the file system is read-only",
    errno.EEXIST: "cannot be used: a file is in the way of a folder",
    errno.ENOTDIR: "cannot be used: a file is in the way of a folder",
    errno.EISDIR: "cannot be used: a folder is in the way of a file",
}


@contextmanager
def _explained(name: object, kind: type[FarmError]) -> Iterator[None]:
    """Turn what the operating system says about ``name`` into an error of the farm."""
    try:
        yield
    except OSError as error:
        reason = _REASONS.get(error.errno or 0, f"cannot be used: {error.strerror or error}")
        raise kind(f"{name} {reason}") from error


def _counted(operation: str) -> AbstractContextManager[None]:
    """Count the block as one request to storage."""
    return counted("file", operation, fault_of_system)


class FileSource(SourceFile):
    """A regular file. Its entity tag is made of modification time and size."""

    def __init__(self, ref: SourceRef, file: io.FileIO) -> None:
        super().__init__(ref)
        self._file = file

    def readinto(self, buffer: WriteableBuffer, /) -> int | None:
        """Read into ``buffer`` and return the number of bytes, 0 at the end of the file."""
        with _explained(self.ref.url, SourceError):
            return self._file.readinto(buffer)

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        """Move to an offset in bytes from the start, the position or the end; return the new position."""
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        """Return the position in bytes."""
        return self._file.tell()

    def fileno(self) -> int:
        """Return the file's descriptor: a child process can be handed it."""
        return self._file.fileno()

    def close(self) -> None:
        """Close the file."""
        self._file.close()
        super().close()


def open_file_source(path: Path, expected: SourceRef | None) -> FileSource:
    """Open a file.

    Raises:
        SourceError: The file is missing, empty, not readable, not a regular file, or not the one planned.
    """
    with _explained(path, SourceError):
        # Opening a named pipe would wait for a writer, and opening a device may act: look first.
        _refuse_irregular(path, path.stat())
        file = io.FileIO(path, "rb")
    try:
        facts = os.fstat(file.fileno())
        _refuse_irregular(path, facts)
        etag = f"{facts.st_mtime_ns:x}-{facts.st_size:x}"
        return FileSource(check_expected(SourceRef(str(path), facts.st_size, etag), expected), file)
    except BaseException:
        file.close()
        raise


def _refuse_irregular(path: Path, facts: os.stat_result) -> None:
    if stat.S_ISDIR(facts.st_mode):
        raise SourceError(f"{path} is a folder, not a file")
    if not stat.S_ISREG(facts.st_mode):
        raise SourceError(f"{path} is not a regular file")


class FileDestination(Destination):
    """A folder, made when the first file is written.

    A file is written under a partial name beside its own, flushed to the disk and renamed, and the folder is
    flushed too: what a later file names is there even after a loss of power. A process that is killed
    meanwhile leaves the partial file, which ``sizes`` does not list. Its lock died with its writer, so the
    next ``put`` of the key, or ``delete`` in the folder, knows that nobody needs it and removes it.
    """

    def __init__(self, root: Path) -> None:
        self.url = str(root)
        self._root = root

    def check_writable(self) -> None:
        """Write and remove a small file in the folder, or in the nearest parent that exists."""
        folder = self._root
        while not os.path.lexists(folder) and folder != folder.parent:
            folder = folder.parent
        if not folder.is_dir():
            raise DestinationError(f"{self.url} cannot be used: {folder} is not a folder")
        probe = partial_name(folder / "check")
        with _counted("check"), _explained(folder, DestinationError):
            try:
                with writing(probe) as file:
                    file.write(b"gopfarm")
                    file.flush()
                    os.fsync(file.fileno())
            finally:
                probe.unlink(missing_ok=True)

    def put_file(self, key: str, path: Path) -> None:
        """Copy the file at ``path`` into the folder."""
        with path.open("rb") as source, _counted("put"):
            self._put(key, lambda file: _copy(source, file))

    def put_bytes(self, key: str, data: bytes, growing: bool = False) -> None:
        """Write ``data`` into the folder. A file has no headers: ``growing`` makes no difference."""
        with _counted("put"):
            self._put(key, lambda file: file.write(data))

    def get_bytes(self, key: str) -> bytes | None:
        """Return the file's bytes, or None if there is no such file."""
        path = self._path(key)
        with _counted("get"), _explained(path, DestinationError):
            try:
                return path.read_bytes()
            except FileNotFoundError:
                return None

    def sizes(self, prefix: str) -> dict[str, int]:
        """Walk the folder; links are not followed."""
        folder = self._path(prefix.rstrip("/")) if prefix.rstrip("/") else self._root
        with _counted("list"), _explained(folder, DestinationError):
            return dict(self._walk(folder))

    def delete(self, keys: Iterable[str]) -> None:
        """Remove files, then the folders on the way to them that are empty now, the root last."""
        with _counted("delete"):
            self._delete(keys)

    def _delete(self, keys: Iterable[str]) -> None:
        folders: set[Path] = set()
        for path in map(self._path, keys):
            with _explained(path, DestinationError), suppress(FileNotFoundError, NotADirectoryError):
                path.unlink()
            folders.update(parent for parent in path.parents if parent.is_relative_to(self._root))
        for folder in folders:
            remove_stale_partials(folder)
        for folder in sorted(folders, key=lambda path: len(path.parts), reverse=True):
            with suppress(OSError):  # not empty, or a mount point, or somebody else's: it stays
                folder.rmdir()

    def _path(self, key: str) -> Path:
        return self._root / check_key(key)

    def _put(self, key: str, write: Callable[[BinaryIO], object]) -> None:
        path = self._path(key)
        with _explained(path, DestinationError):
            for attempt in range(_PUT_ATTEMPTS):
                try:
                    self._put_once(path, write)
                    return
                except FileNotFoundError:  # somebody has just removed the folder, which was empty
                    if attempt + 1 == _PUT_ATTEMPTS:
                        raise

    def _put_once(self, path: Path, write: Callable[[BinaryIO], object]) -> None:
        partial = partial_name(path)
        make_folder(path.parent)
        remove_stale_partials(path.parent, path.name)
        try:
            with writing(partial) as file:
                write(file)
                file.flush()
                os.fsync(file.fileno())
                partial.replace(path)
            sync_folder(path.parent)
        except BaseException:
            with suppress(OSError):
                partial.unlink()
            raise

    def _walk(self, folder: Path) -> Iterator[tuple[str, int]]:
        try:
            entries = list(os.scandir(folder))
        except FileNotFoundError:
            return
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                yield from self._walk(Path(entry.path))
            elif entry.is_file(follow_symlinks=False) and not entry.name.endswith(PARTIAL_SUFFIX):
                with suppress(FileNotFoundError):
                    size = entry.stat(follow_symlinks=False).st_size
                    yield Path(entry.path).relative_to(self._root).as_posix(), size


def _copy(source: BinaryIO, to: BinaryIO) -> None:
    source.seek(0)
    shutil.copyfileobj(source, to, _COPY_BYTES)
