"""A phone's browser: Debian's chromium, without a head, with a profile of its own that is thrown away."""

from __future__ import annotations

import shutil
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from tempfile import TemporaryDirectory

import pytest
from selenium.common.exceptions import StaleElementReferenceException
from selenium.webdriver import Chrome, ChromeOptions
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

from tests.e2e.house import PATIENCE

BROWSER, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")
ARGUMENTS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
)
PHONE = {"width": 360, "height": 740, "deviceScaleFactor": 2, "mobile": True}

needs_chromium = pytest.mark.skipif(not (BROWSER and DRIVER), reason="chromium and chromedriver are not installed")


class Browser:
    """What a person does and sees in it."""

    def __init__(self, chrome: Chrome) -> None:
        self.chrome = chrome

    def opens(self, address: str) -> None:
        self.chrome.get(address)

    def fills_in(self, **fields: str) -> None:
        """The form on the page, and sends it."""
        for name, value in fields.items():
            field = self.chrome.find_element(By.NAME, name)
            field.clear()
            field.send_keys(value)
        self.taps_button()

    def taps_button(self) -> None:
        self.chrome.find_element(By.TAG_NAME, "button").click()

    def reads(self, part: str) -> str:
        """The text of the page, as soon as this is in it."""

        def look(_: Chrome) -> str | None:
            text = self.text
            return text if part in text else None

        # One page may give way to another between two looks.
        wait = WebDriverWait(self.chrome, PATIENCE, ignored_exceptions=[StaleElementReferenceException])
        return str(wait.until(look))

    def reloads(self) -> None:
        self.chrome.refresh()

    @property
    def text(self) -> str:
        return self.chrome.find_element(By.TAG_NAME, "body").text

    @property
    def address(self) -> str:
        return str(self.chrome.current_url)

    def style(self, what: str) -> str:
        return str(self.chrome.execute_script(f"return getComputedStyle(document.body)[{what!r}]"))

    def overflows(self) -> bool:
        """The page is wider than the phone."""
        wider = "return document.documentElement.scrollWidth > document.documentElement.clientWidth"
        return bool(self.chrome.execute_script(wider))

    def prefers(self, scheme: str) -> None:
        """`dark` or `light`."""
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        self.chrome.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})

    def complaints(self) -> list[str]:
        """What the browser itself found wrong with the pages."""
        return [str(entry["message"]) for entry in self.chrome.get_log("browser")]


@contextmanager
def browser() -> Iterator[Browser]:
    options = ChromeOptions()
    options.binary_location = str(BROWSER)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    with TemporaryDirectory(prefix="chromium-", ignore_cleanup_errors=True) as profile:
        for argument in (*ARGUMENTS, f"--user-data-dir={profile}"):
            options.add_argument(argument)
        chrome = Chrome(options=options, service=Service(DRIVER))
        chrome.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", PHONE)
        try:
            yield Browser(chrome)
        finally:
            chrome.quit()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
