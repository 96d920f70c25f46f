"""Files sent in the chats, limited in number and size."""

from dataclasses import dataclass
from typing import Any

from tests.servers.telegram.refusals import bad_request

MAX_STORED = 256 * 1024 * 1024
MAX_DOWNLOAD = 20 * 1024 * 1024
FOLDERS = {"photo": "photos", "voice": "voice", "document": "documents", "sticker": "stickers"}


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A file and its download path."""

    number: int
    path: str
    content: bytes
    name: str
    size: int

    @property
    def ids(self) -> dict[str, Any]:
        """The fields that all of the Bot API's file objects have."""
        return {
            "file_id": f"BQAC-test-file-{self.number}",
            "file_unique_id": f"AgAD-{self.number}",
            "file_size": self.size,
        }


class Files:
    """All files; beyond the limits, the oldest are dropped."""

    def __init__(self) -> None:
        self._files: dict[str, StoredFile] = {}
        self._number = 0
        self._stored = 0

    def add(self, content: bytes, *, kind: str, name: str, size: int | None = None) -> StoredFile:
        """Store a file; `size` overrides its reported length."""
        self._number += 1
        _, dot, suffix = name.rpartition(".")
        path = f"{FOLDERS.get(kind, 'files')}/file_{self._number}{dot}{suffix if dot else ''}"
        stored = StoredFile(self._number, path, content, name, len(content) if size is None else size)
        self._files[stored.ids["file_id"]] = stored
        self._stored += len(content)
        self._forget()
        return stored

    def _forget(self) -> None:
        while self._stored > MAX_STORED and len(self._files) > 1:
            oldest = self._files.pop(next(iter(self._files)))
            self._stored -= len(oldest.content)

    def get(self, file_id: str) -> StoredFile | None:
        """Return a file by its id."""
        return self._files.get(file_id)

    def at(self, path: str) -> StoredFile | None:
        """Return a file by its download path."""
        return next((file for file in self._files.values() if file.path == path), None)

    def described(self, file_id: str) -> dict[str, Any]:
        """Return the result of getFile."""
        file = self.get(file_id)
        if file is None:
            raise bad_request("wrong file_id or the file is temporarily unavailable")
        if file.size > MAX_DOWNLOAD:
            raise bad_request("file is too big")
        return file.ids | {"file_path": file.path}
