"""Pictures as the Bot API takes them: uploaded whole, within its limits, and really pictures. Here only PNG is one."""

from __future__ import annotations

import hashlib
import struct
from dataclasses import dataclass, field
from typing import Any

from bot.sandbox.telegram.params import Params, Refused, bad

LARGEST = 10 * 1024 * 1024
WIDTH_AND_HEIGHT = 10_000
RATIO = 20
_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_HEADER = struct.Struct(">8sI4sII")


@dataclass(frozen=True, slots=True)
class Photo:
    width: int
    height: int
    content: bytes = field(repr=False)

    def to_json(self) -> list[dict[str, Any]]:
        """In its one size; Telegram would make smaller ones, too."""
        name = hashlib.sha256(self.content).hexdigest()[:20]
        size = {"width": self.width, "height": self.height, "file_size": len(self.content)}
        return [{"file_id": f"photo-{name}", "file_unique_id": name, **size}]


def uploaded(params: Params) -> Photo:
    """The picture that came with the request. Raises what the Bot API would."""
    content = params.file("photo")
    if content is None:
        if params.has("photo"):
            raise bad("wrong file identifier/HTTP URL specified")  # nothing is fetched from elsewhere
        raise bad("there is no photo in the request")
    if not content:
        raise bad("file must be non-empty")
    if len(content) > LARGEST:
        raise Refused(413, "Request Entity Too Large")
    width, height = _measured(content)
    if width + height > WIDTH_AND_HEIGHT or max(width, height) > RATIO * min(width, height):
        raise bad("PHOTO_INVALID_DIMENSIONS")
    return Photo(width, height, content)


def _measured(content: bytes) -> tuple[int, int]:
    if len(content) < _HEADER.size or not content.endswith(b"IEND\xaeB`\x82"):
        raise bad("IMAGE_PROCESS_FAILED")
    signature, _, chunk, width, height = _HEADER.unpack_from(content)
    if signature != _SIGNATURE or chunk != b"IHDR" or not (width and height):
        raise bad("IMAGE_PROCESS_FAILED")
    return width, height
