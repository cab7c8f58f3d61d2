"""Fetches a model from the Hugging Face hub, because its user asked for it: `chatapp models pull`.

The only module that talks to the hub, through the library of an optional extra, which shows progress and goes on
where a connection broke. A download that was ended goes on with the next one. What came is compared with the hub's
own SHA-256, and read like any stranger's file.
"""

from __future__ import annotations

import hashlib
import logging
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from chatapp.engine.gguf import NotAModel
from chatapp.engine.header import read_header
from chatapp.engine.names import later_shard, shard_names

_REPOSITORY = re.compile(r"[\w.-]+/[\w.-]+")
_COUNT = re.compile(r"-00001-of-(\d{5})\.gguf$", re.IGNORECASE)
_PREFERRED = ("q4_k_m", "q8_0", "q4_0")
"""Of the quantisations that a repository has, the one that is taken when none is named."""
_LISTED = 30
_log = logging.getLogger(__name__)


class HubError(Exception):
    """The model could not be fetched; the message is a sentence for people."""


@dataclass(frozen=True)
class _File:
    name: str
    size: int
    sha256: str
    """Empty where the hub does not tell."""


def pull(wanted: str, models_dir: Path) -> Path:
    """Fetch `OWNER/NAME`, or `OWNER/NAME:FILE` with a part of the file's name, into the models folder.

    Returns:
        The model's file, the first of several.

    Raises:
        HubError: when there is no such thing, the network fails, or what came is not what it should be.
    """
    repository, _, part = wanted.partition(":")
    if not _REPOSITORY.fullmatch(repository):
        raise HubError(f"‘{wanted}’ is no repository of the hub: say OWNER/NAME or OWNER/NAME:FILE.")
    hub = _library()
    try:
        listed = _listed(hub, repository)
        names = _chosen([file.name for file in listed], part, repository)
        folder = models_dir.joinpath(*repository.split("/"))
        paths = [_fetched(hub, repository, file, folder) for file in listed if file.name in names]
        read_header(paths[0])
    except NotAModel as error:
        raise HubError(f"{paths[0].name} came, but {error}") from error
    except HubError:
        raise
    except Exception as error:  # beside its own, the library lets those of its HTTP client through
        _log.warning("%s could not be fetched", repository, exc_info=True)
        reason = str(error).strip().splitlines() or [type(error).__name__]
        raise HubError(f"{repository} could not be fetched: {reason[0][:300]}") from error
    return paths[0]


def _library() -> Any:
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")  # read when the library is imported
    try:
        import huggingface_hub  # noqa: PLC0415 - an extra, and slow to import
    except ImportError as error:
        raise HubError(
            "This needs an extra that is not installed: pip install 'chatapp[hub]'. "
            "Or fetch the GGUF by other means, and add it with: chatapp models add PATH."
        ) from error
    return huggingface_hub


def _listed(hub: Any, repository: str) -> list[_File]:
    """The model files of a repository, in the order of their names."""
    siblings = hub.HfApi().model_info(repository, files_metadata=True).siblings or []
    files = [_File(one.rfilename, one.size or 0, one.lfs.sha256 if one.lfs else "") for one in siblings]
    return sorted((one for one in files if one.name.casefold().endswith(".gguf")), key=lambda one: one.name)


def _chosen(names: list[str], part: str, repository: str) -> tuple[str, ...]:
    """The names of one model's files."""
    firsts = [name for name in names if not later_shard(name) and "mmproj" not in name.casefold()]
    matches = [name for name in firsts if part.casefold() in name.casefold()]
    exact = [name for name in matches if name.casefold() == part.casefold()]
    if not part and len(matches) > 1:
        preferred = (name for wish in _PREFERRED for name in matches if wish in name.casefold())
        exact = [name] if (name := next(preferred, None)) else []
    if len(found := exact or matches) == 1:
        count = _COUNT.search(found[0])
        return shard_names(found[0], int(count[1]) if count else 1)
    if not firsts:
        raise HubError(f"{repository} has no GGUF file.")
    there = ", ".join((matches or firsts)[:_LISTED])
    raise HubError(f"Name one file of {repository}, as {repository}:FILE. There are: {there}.")


def _fetched(hub: Any, repository: str, file: _File, folder: Path) -> Path:
    """The file, whole; what an earlier try left of it is not fetched again."""
    path = _place(folder, file.name)
    if path.is_file() and file.sha256 and _digest(path) == file.sha256:
        return path
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f"{path.name}.{file.sha256[:16]}.part")
    if not file.sha256 or not part.exists() or part.stat().st_size > file.size:
        part.write_bytes(b"")  # nothing is there that is known to be a piece of this very file
    address = hub.hf_hub_url(
        repository, file.name
    )  # first: the library finds its own modules by what is asked of it
    headers = hub.utils.build_hf_headers()
    with part.open("r+b") as writing:
        hub.file_download.http_get(
            address,
            writing,
            resume_size=writing.seek(0, os.SEEK_END),
            headers=headers,
            expected_size=file.size or None,
            displayed_filename=path.name,
        )
    if file.sha256 and _digest(part) != file.sha256:
        part.unlink()
        raise HubError(f"{file.name} did not come as the hub has it (its SHA-256 is wrong); it was thrown away.")
    return part.replace(path)


def _place(folder: Path, name: str) -> Path:
    """Where a file of the hub lies here; its name is a stranger's."""
    steps = name.split("/")
    if not all(steps) or {".", ".."} & set(steps) or any(character in name for character in "\\:\0"):
        raise HubError("A file of this repository has a name that leads out of the models folder.")
    return folder.joinpath(*steps)


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
