"""A TOTP secret as text, as an address, and as a picture of its QR code."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from bot.init._picture import secret_in
from brokers import TotpSecret
from tests.unit.init.scripted import SECRET

ADDRESS = f"otpauth://totp/Dhan:1000000001?secret={SECRET}&issuer=Dhan"


def picture(path: Path, *texts: str) -> Path:
    """QR codes beside each other, as a screenshot has them."""
    zxingcpp: Any = pytest.importorskip("zxingcpp")
    pillow: Any = pytest.importorskip("PIL.Image")
    sheet = pillow.new("RGB", (400 * max(len(texts), 1), 400), "white")
    for number, text in enumerate(texts):
        code = memoryview(zxingcpp.create_barcode(text, zxingcpp.BarcodeFormat.QRCode).to_image(scale=5))
        sheet.paste(pillow.frombytes("L", code.shape[::-1], bytes(code)), (400 * number + 50, 50))
    sheet.save(path)
    return path


@pytest.mark.parametrize("text", [SECRET, "jbsw y3dp-ehpk 3pxp jbsw y3dp ehpk 3pxp", ADDRESS])
def test_a_text_is_kept_as_it_was_typed(text: str) -> None:
    assert secret_in(text) == text
    assert TotpSecret.parse(text).reveal() == SECRET


@pytest.mark.parametrize("kind", ["png", "jpg"])
def test_a_picture_gives_its_address(tmp_path: Path, kind: str) -> None:
    assert secret_in(str(picture(tmp_path / f"qr.{kind}", ADDRESS))) == ADDRESS


def test_a_path_may_be_written_as_terminals_write_what_is_dropped_there(tmp_path: Path) -> None:
    path = str(picture(tmp_path / "my code.png", ADDRESS))

    assert secret_in(path) == ADDRESS
    assert secret_in(f"'{path}'") == ADDRESS
    assert secret_in(path.replace(" ", r"\ ")) == ADDRESS


@pytest.mark.parametrize("texts", [(), ("https://dhan.co",), (ADDRESS, ADDRESS.replace(SECRET, "A" * 32))])
def test_a_picture_without_one_such_code_is_told(tmp_path: Path, texts: tuple[str, ...]) -> None:
    path = picture(tmp_path / "qr.png", *texts)

    with pytest.raises(ValueError, match="expected a picture with one QR code"):
        secret_in(str(path))


def test_what_is_no_picture_is_told(tmp_path: Path) -> None:
    pytest.importorskip("zxingcpp")
    path = tmp_path / "qr.png"
    path.write_bytes(b"no picture")

    for wrong in (path, tmp_path / "none.png", tmp_path):
        with pytest.raises(ValueError, match="no picture at this path"):
            secret_in(str(wrong))


def test_without_the_package_it_says_which_one_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "zxingcpp", None)

    with pytest.raises(ValueError, match="pip install zxing-cpp pillow"):
        secret_in("~/qr.png")


def test_no_sentence_holds_the_secret() -> None:
    with pytest.raises(ValueError, match="position 1") as refused:
        secret_in(f"1{SECRET}")

    assert SECRET not in str(refused.value)
