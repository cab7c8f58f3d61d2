"""Names of models: one for people from a file's name, and the names of the files of a split model."""

from __future__ import annotations

import re

from chatapp.text import repair

_NAME_LENGTH = 200
_ENDING = re.compile(r"\.gguf$", re.IGNORECASE)
_SHARD = re.compile(r"-(\d{5})-of-\d{5}$")
_QUANTISATION = re.compile(
    r"[-_.](?:UD-|i1-)?(?:I?Q\d(?:_\w+)?|TQ\d_\d|BF16|FP?(?:16|32)|(?:MX|NV)FP4(?:_\w+)?)$", re.IGNORECASE
)
_NAMELESS = re.compile(r"(?:sha256[-_:])?[0-9a-f]{32,}|(?:ggml[-_])?model|[\W\d_]*", re.IGNORECASE)


def good_name(file_name: str, metadata_name: str = "") -> str:
    """A name for people: the file's, without ending and quantisation; the metadata's where the file has none."""
    stem = _QUANTISATION.sub("", _SHARD.sub("", _ENDING.sub("", file_name)))
    own = _NAMELESS.fullmatch(stem) is None
    name = re.sub(r"[-_\s]+", " ", stem if own else metadata_name).strip()
    return repair(name or stem)[:_NAME_LENGTH]


def later_shard(file_name: str) -> bool:
    """Whether a file, by its name, is a part of a split model other than the first."""
    shard = _SHARD.search(_ENDING.sub("", file_name))
    return shard is not None and int(shard[1]) > 1


def shard_names(file_name: str, count: int) -> tuple[str, ...]:
    """The names of the files of a model, given the first; none if the first has no name for one of so many."""
    if count == 1:
        return (file_name,)
    stem, ending = _ENDING.sub("", file_name), file_name[len(_ENDING.sub("", file_name)) :]
    first = f"-00001-of-{count:05}"
    if not stem.endswith(first):
        return ()
    return tuple(f"{stem.removesuffix(first)}-{part:05}-of-{count:05}{ending}" for part in range(1, count + 1))
