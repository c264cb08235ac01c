"""Files of an experiment, into a folder."""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase
from pathlib import Path

from atelier._client.models.artifact_view import ArtifactView
from atelier.connection import Connection
from atelier.errors import AtelierError

_LINKED_BYTES = 1 << 20  # smaller ones are copied, so that who changes one changes no other


def matching(artifacts: Iterable[ArtifactView], patterns: Sequence[str]) -> list[ArtifactView]:
    """Those whose names match any pattern; without patterns all.

    Raises AtelierError where a pattern has no file.
    """
    listed = list(artifacts)
    for pattern in patterns:
        if not any(fnmatchcase(artifact.name or "", pattern) for artifact in listed):
            raise AtelierError(f"The experiment has no file '{pattern}'.", status=404, type="artifact-not-found")
    return [a for a in listed if not patterns or any(fnmatchcase(a.name or "", pattern) for pattern in patterns)]


def fetch(connection: Connection, artifacts: Iterable[ArtifactView], folder: Path) -> Path:
    """Writes files below a folder; what has two names is fetched once."""
    written: dict[str, Path] = {}
    for artifact in artifacts:
        file = _target(folder, artifact.name or "")
        sha256 = artifact.sha256 or ""
        if not (sha256 and file.is_file() and _sha256(file) == sha256):
            file.parent.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(prefix=".part-", dir=file.parent) as work:
                part = Path(work, "part")
                if sha256 in written:
                    _repeat(written[sha256], part)
                else:
                    _download(connection, artifact, part)
                os.replace(part, file)
        if sha256:
            written[sha256] = file
    return folder


def _target(folder: Path, name: str) -> Path:
    """Names may have folders, which stay below this one."""
    parts = name.split("/")
    if "\\" in name or any(part in ("", ".", "..") for part in parts):
        raise AtelierError(f"'{name}' is not a plain file name.")
    return folder.joinpath(*parts)


def _download(connection: Connection, artifact: ArtifactView, part: Path) -> None:
    digest = hashlib.sha256()
    with part.open("wb") as out:
        for data in connection.file(artifact.href or ""):
            digest.update(data)
            out.write(data)
    if artifact.sha256 and digest.hexdigest() != artifact.sha256:
        raise AtelierError(
            f"Cannot download '{artifact.name}': expected sha256 {artifact.sha256}, found {digest.hexdigest()}."
        )


def _repeat(written: Path, part: Path) -> None:
    if written.stat().st_size >= _LINKED_BYTES:
        try:
            os.link(written, part)
            return
        except OSError:  # not every file system has links
            pass
    shutil.copyfile(written, part)


def _sha256(file: Path) -> str:
    with file.open("rb") as data:
        return hashlib.file_digest(data, "sha256").hexdigest()
