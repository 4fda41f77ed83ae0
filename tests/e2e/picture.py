"""Makes the picture in the README: `python -m tests.e2e.picture` writes docs/pictures/demo.png.

What it shows was really said: the demo is run, and a browser looks at it.
"""

from __future__ import annotations

import base64
import io
from pathlib import Path

from PIL import Image

from bot.demo import furnished, serving
from bot.demo_accounts import ADMIN, approve
from bot.sandbox import Sandbox
from tests.e2e.browser import Browser, browser

PICTURE = Path(__file__).parents[2] / "docs/pictures/demo.png"
WIDTH, HEIGHT, SCALE = 1200, 920, 2
COLOURS = 128
PATIENCE = 20.0


def converse(sandbox: Sandbox) -> None:
    """The first minutes of somebody who tries it."""
    said(sandbox, "/start", "access tokens alive")
    asked = said(sandbox, "/refresh zerodha", "Open the login page")
    said(sandbox, approve(sandbox, asked), "zerodha: new token")
    said(sandbox, "/refresh all", "✅ kotak")
    said(sandbox, "/status", "kotak")


def said(sandbox: Sandbox, text: str, expects: str) -> str:
    """Say it and wait for the answer; the address of its link, if it has one."""
    mark = sandbox.telegram.mark()
    sandbox.telegram.say(ADMIN, text)
    shown = sandbox.telegram.wait_for(ADMIN, expects, after=mark, timeout=PATIENCE)
    return next((str(button.url) for row in shown.buttons for button in row if button.url), "")


def taken(phone: Browser) -> bytes:
    metrics = {"width": WIDTH, "height": HEIGHT, "deviceScaleFactor": SCALE, "mobile": False}
    phone.chrome.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    phone.reads("Status")
    return base64.b64decode(phone.chrome.execute_cdp_cmd("Page.captureScreenshot", {"format": "png"})["data"])


def smaller(png: bytes) -> Image.Image:
    """With as few colours as there are to be seen."""
    return Image.open(io.BytesIO(png)).convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE)


def main() -> None:
    with furnished(door=True) as (sandbox, folder), serving(sandbox, folder), browser() as phone:
        sandbox.telegram.wait_calls("getUpdates", 1, PATIENCE)
        converse(sandbox)
        phone.prefers("light")
        phone.opens(sandbox.chat_page)
        PICTURE.parent.mkdir(exist_ok=True)
        smaller(taken(phone)).save(PICTURE, optimize=True)
        phone.opens("about:blank")


if __name__ == "__main__":
    main()
