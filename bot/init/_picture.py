"""A TOTP secret as people have it: a text, an address, or a picture of its QR code. Only this file knows zxing-cpp."""

from __future__ import annotations

import shlex
from pathlib import Path

from brokers import TotpSecret

SCHEME = "otpauth"


def secret_in(answer: str) -> str:
    """The text or address to keep. Raises ValueError with a sentence."""
    found = _address_in(_path(answer)) if _is_path(answer) else answer
    TotpSecret.parse(found)
    return found


def _is_path(answer: str) -> bool:
    """No secret has a dot or a slash in it, and an address begins otherwise."""
    return "://" not in answer and any(sign in answer for sign in "./\\")


def _path(answer: str) -> Path:
    """As a terminal writes it when a file is dropped there: in quotes, or with backslashes before blanks."""
    try:
        [path] = shlex.split(answer)
    except ValueError:
        path = answer
    return Path(path).expanduser()


def _address_in(path: Path) -> str:
    try:
        import zxingcpp
        from PIL import Image
    except ImportError:
        raise ValueError(
            "reading a picture takes another package: end this, run pip install zxing-cpp pillow, and begin again; "
            "or copy the text code that stands beside the picture"
        ) from None
    try:
        with Image.open(path) as picture:
            found = [str(code.text) for code in zxingcpp.read_barcodes(picture.convert("L"))]
    except (OSError, ValueError, Image.DecompressionBombError):
        raise ValueError("there is no picture at this path that can be read") from None
    addresses = [text for text in found if text.lower().startswith(SCHEME)]
    if len(addresses) != 1:
        raise ValueError("expected a picture with one QR code of an authenticator in it")
    return addresses[0]
