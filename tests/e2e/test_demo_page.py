"""The demo in a real browser: what a visitor sees and does on the chat page, with the real bot behind it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.ui import Select, WebDriverWait

from bot.demo import furnished, serving
from bot.demo_accounts import ADMIN, STRANGER, VIEWER
from bot.sandbox import Sandbox
from tests.e2e.browser import Browser, browser, needs_chromium
from tests.e2e.house import PATIENCE

pytestmark = needs_chromium

CONTRAST = (Path(__file__).parent / "contrast.js").read_text()
READABLE = 4.5
"""The contrast that WCAG 2 asks of text at level AA."""
WIDE, PHONE = (1400, 900), (360, 740)


@dataclass
class Visitor:
    """Somebody at the page."""

    sandbox: Sandbox
    browser: Browser

    def finds(self, selector: str, text: str = "") -> WebElement:
        """What is on the page and says this, as soon as it is there."""

        def look(_: object) -> WebElement | None:
            script = """return [...document.querySelectorAll(arguments[0])]
                .findLast(one => one.checkVisibility() && one.textContent.includes(arguments[1])) ?? null"""
            found: WebElement | None = self.browser.chrome.execute_script(script, selector, text)
            return found

        return WebDriverWait(self.browser.chrome, PATIENCE, 0.05).until(look, f"{text!r} in {selector}")

    def misses(self, selector: str, text: str) -> None:
        """Until nothing there says this any more."""

        def look(_: object) -> bool:
            script = """return [...document.querySelectorAll(arguments[0])]
                .every(one => !one.textContent.includes(arguments[1]))"""
            return bool(self.browser.chrome.execute_script(script, selector, text))

        WebDriverWait(self.browser.chrome, PATIENCE, 0.05).until(look, f"{text!r} is still in {selector}")

    def resizes(self, size: tuple[int, int]) -> None:
        width, height = size
        metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        self.browser.chrome.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)

    def wants_no_motion(self) -> None:
        features = [{"name": "prefers-reduced-motion", "value": "reduce"}]
        self.browser.chrome.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})

    def presses(self, selector: str, text: str = "") -> None:
        self.browser.chrome.execute_script("arguments[0].click()", self.finds(selector, text))

    def says(self, text: str, chat: int = ADMIN) -> None:
        self.finds(f"#chat-{chat} input").send_keys(text, Keys.ENTER)

    def reads(self, text: str, chat: int = ADMIN) -> WebElement:
        """The bot's last message with this text."""
        return self.finds(f"#chat-{chat} .bots", text)

    def types(self, *keys: str) -> None:
        """Wherever the focus is."""
        self.browser.chrome.switch_to.active_element.send_keys(*keys)

    def steps_to(self, label: str) -> None:
        """From one thing to the next by the tab key."""
        for _ in range(60):
            self.types(Keys.TAB)
            if label in self.browser.chrome.switch_to.active_element.text:
                return
        raise AssertionError(f"the tab key never comes to {label}")

    def breaks(self, name: str, how: str) -> None:
        Select(self.finds(f"#trouble-{name}")).select_by_visible_text(how)
        self.finds(f"#trouble-{name}.broken")


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with browser() as found:
        grant = {"permissions": ["clipboardReadWrite", "clipboardSanitizedWrite"]}
        found.chrome.execute_cdp_cmd("Browser.grantPermissions", grant)
        yield found


@pytest.fixture
def visitor(chromium: Browser) -> Iterator[Visitor]:
    with furnished(door=True) as (sandbox, folder), serving(sandbox, folder):
        sandbox.telegram.wait_calls("getUpdates", 1, PATIENCE)
        found = Visitor(sandbox, chromium)
        found.resizes(WIDE)
        found.wants_no_motion()
        chromium.opens(sandbox.chat_page)
        yield found
        chromium.opens("about:blank")


@pytest.mark.parametrize("size", [WIDE, PHONE], ids=["wide", "phone"])
def test_the_page_opens_without_a_fault_and_says_how_to_begin(visitor: Visitor, size: tuple[int, int]) -> None:
    visitor.resizes(size)
    visitor.presses("button", "Send /start")
    visitor.reads("I keep your brokers' access tokens alive")

    assert visitor.browser.complaints() == []
    assert not visitor.browser.overflows()
    assert visitor.finds("#panel", "What the brokers saw")


def test_a_stranger_is_told_what_kunji_is_for_before_anything_is_typed(visitor: Visitor) -> None:
    told = visitor.finds(f"#chat-{ADMIN} .empty").text

    assert "keeps their access tokens alive" in told
    assert "Nothing in this chat is real" in told


def test_the_keyboard_comes_to_the_message_box_without_passing_what_was_said(visitor: Visitor) -> None:
    visitor.says("/start")
    visitor.reads("I keep your brokers' access tokens alive")
    visitor.browser.chrome.execute_script("document.activeElement.blur(); document.querySelector('#people').focus()")
    visitor.steps_to("To the message box")
    skips = visitor.browser.chrome.switch_to.active_element
    box = skips.rect
    visitor.types(Keys.ENTER)

    assert box["y"] > 0
    assert visitor.browser.chrome.switch_to.active_element.get_attribute("id") == f"message-{ADMIN}"


def test_on_a_phone_the_time_that_was_moved_to_is_told_where_it_is_moved(visitor: Visitor) -> None:
    visitor.resizes(PHONE)
    button = visitor.finds("#leaps button", "+ 1 hour")
    visitor.browser.chrome.execute_script("arguments[0].scrollIntoView()", button)
    button.click()
    told = visitor.finds("#toast", "11:00")
    beside = visitor.finds("#panel .now", "11:00")

    assert told.is_displayed()
    assert abs(beside.rect["y"] - button.rect["y"]) < 100


def test_a_lock_is_ended_where_the_machine_is(visitor: Visitor) -> None:
    visitor.says("/lock")
    visitor.finds("#locked", "locked")
    visitor.presses("#unlock")
    visitor.reads("unlocked")

    assert visitor.finds("#machine", "kunji-").find_element(By.CSS_SELECTOR, "code").text
    assert visitor.browser.chrome.find_element(By.ID, "locked").is_displayed() is False


def test_what_is_typed_at_a_broker_is_called_as_its_page_calls_it(visitor: Visitor) -> None:
    assert visitor.finds("#logins dt", "user id").text == "zerodha: user id"


def test_without_scripts_the_page_says_that_it_needs_them_and_shows_nothing_empty(visitor: Visitor) -> None:
    chrome = visitor.browser.chrome
    chrome.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
    visitor.browser.opens(visitor.sandbox.chat_page)
    told = visitor.browser.text
    empty = [one for one in chrome.find_elements(By.CSS_SELECTOR, "#people, #now, main") if one.is_displayed()]
    chrome.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False})

    assert "kunji demo --terminal" in told
    assert empty == []


def test_a_pressed_button_changes_the_message_and_the_panel_shows_what_the_broker_was_asked(visitor: Visitor) -> None:
    visitor.says("/status")
    visitor.reads("dhan (Dhan): no token yet")
    visitor.presses(".key", "Refresh dhan")
    visitor.reads("dhan: new token, good until")
    calls = visitor.finds("#calls", "/app/generateAccessToken").text

    assert "200" in calls
    assert "482913" not in calls


@pytest.mark.long
@pytest.mark.parametrize("size", [WIDE, PHONE], ids=["wide", "phone"])
def test_a_chart_is_shown_as_wide_as_its_message_and_opens_in_its_own_size(
    visitor: Visitor, size: tuple[int, int]
) -> None:
    visitor.resizes(size)
    visitor.says("/refresh dhan")
    visitor.reads("dhan: new token")
    visitor.says("/account dhan chart")
    message = visitor.reads("cash available ₹98,440.50")
    image = message.find_element(By.CSS_SELECTOR, ".picture img")
    WebDriverWait(visitor.browser.chrome, PATIENCE, 0.05).until(lambda _: image.get_property("naturalWidth") == 1080)

    assert 0.9 * message.size["width"] < image.size["width"] <= message.size["width"]
    assert str(message.find_element(By.CLASS_NAME, "picture").get_property("href")) == image.get_property("src")
    assert visitor.browser.complaints() == []
    assert not visitor.browser.overflows()


@pytest.mark.long
def test_the_demo_can_be_used_by_the_keyboard_alone(visitor: Visitor) -> None:
    visitor.finds("#chat-1001 input").send_keys("/sta")
    visitor.finds(".menu li", "/status")
    visitor.types(Keys.ARROW_DOWN, Keys.ARROW_DOWN, Keys.ENTER)
    visitor.reads("dhan (Dhan): no token yet")
    visitor.finds("#chat-1001 .log").send_keys("")
    visitor.browser.chrome.execute_script("document.activeElement.blur()")
    visitor.steps_to("Refresh dhan")
    visitor.types(Keys.ENTER)

    assert visitor.reads("dhan: new token, good until")


@pytest.mark.long
def test_the_clock_brings_the_warning_before_a_token_expires(visitor: Visitor) -> None:
    visitor.says("/refresh kotak")
    visitor.reads("kotak: new token")
    visitor.presses("#leaps button:enabled", "Two hours before the next expiry")
    visitor.reads("kotak")
    warning = visitor.reads("expires")

    assert "22:00" in visitor.finds("#now").text
    assert "22:00" in warning.text


@pytest.mark.long
def test_a_stranger_gets_no_answer_and_you_are_told(visitor: Visitor) -> None:
    visitor.presses("#people button", "Stranger")
    visitor.says("/status", STRANGER)
    note = visitor.reads("not listed")

    assert note.find_element(By.CSS_SELECTOR, "[role=img]").accessible_name == "it made no sound"
    assert visitor.finds(f"#chat-{STRANGER} .mine", "/status")
    assert visitor.browser.chrome.find_elements(By.CSS_SELECTOR, f"#chat-{STRANGER} .bots") == []


@pytest.mark.long
def test_a_viewer_is_offered_only_what_a_viewer_may_do(visitor: Visitor) -> None:
    visitor.presses("#people button", "Viewer")
    visitor.presses(f"#chat-{VIEWER} .opens-menu")
    offered = visitor.finds(f"#chat-{VIEWER} .menu", "/status").text

    assert "/refresh" not in offered


def test_what_people_type_is_shown_as_text_and_never_run(visitor: Visitor) -> None:
    attack = '<img src=x onerror="document.title=1"><b>bold</b>'
    visitor.presses("#people button", "Stranger")
    visitor.says(attack, STRANGER)
    written = visitor.finds(".mine .text", "onerror")

    assert written.text == attack
    assert written.find_elements(By.CSS_SELECTOR, "img, b") == []
    assert visitor.browser.chrome.title == "kunji demo"


@pytest.mark.long
def test_a_code_is_copied_but_not_selected_and_vanishes_when_it_is_over(visitor: Visitor) -> None:
    visitor.says("/totp dhan")
    message = visitor.reads("then I delete this message")
    visitor.presses(".key", "Copy")
    visitor.finds("#toast", "Copied")
    copied = visitor.browser.chrome.execute_async_script("navigator.clipboard.readText().then(arguments[0])")
    chosen = message.find_element(By.CSS_SELECTOR, ".text").value_of_css_property("user-select")
    mark = message.find_element(By.CSS_SELECTOR, "[role=img]").accessible_name
    visitor.presses("#leaps button", "+ 1 hour")
    visitor.misses(".bots", "then I delete this message")

    assert copied.isdigit()
    assert len(copied) == 6
    assert chosen == "none"
    assert mark.startswith("protected")


@pytest.mark.long
def test_what_is_broken_fails_in_the_chat_until_it_is_mended(visitor: Visitor) -> None:
    visitor.breaks("dhan", "wrong PIN")
    visitor.says("/refresh dhan")
    visitor.reads("Dhan refused the PIN")
    visitor.finds("#calls .failed", "Invalid Pin")
    visitor.presses("#mend")
    visitor.finds("#trouble-dhan:not(.broken)")
    visitor.breaks("kotak", "down")
    visitor.says("/refresh kotak")
    visitor.reads("Kotak Neo could not be reached")
    visitor.presses("#mend")
    visitor.finds("#trouble-kotak:not(.broken)")
    visitor.says("/refresh kotak")

    assert visitor.reads("kotak: new token")


@pytest.mark.long
def test_a_login_link_opens_the_brokers_page_beside_the_chat_and_comes_back_by_itself(visitor: Visitor) -> None:
    chrome = visitor.browser.chrome
    visitor.says("/refresh zerodha")
    visitor.finds(".key", "Open the login page").click()
    chat, page = chrome.window_handles
    chrome.switch_to.window(page)
    code = visitor.sandbox.brokers["zerodha"].code("AB1234")
    visitor.browser.fills_in(user_id="AB1234", password="demo-password", twofa_value=code)
    told = visitor.browser.reads("You can close this page")
    chrome.close()
    chrome.switch_to.window(chat)

    assert "zerodha: new token" in told
    assert visitor.reads("zerodha: new token")


@pytest.mark.long
def test_while_telegram_is_down_nothing_is_lost(visitor: Visitor) -> None:
    visitor.says("/start")
    visitor.reads("I keep your brokers' access tokens alive")
    visitor.breaks("telegram", "down")
    visitor.says("/status")
    visitor.presses("#mend")

    assert visitor.reads("angelone (Angel One): no token yet")


@pytest.mark.long
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_text_stands_out_from_its_ground(visitor: Visitor, scheme: str) -> None:
    visitor.browser.prefers(scheme)
    visitor.breaks("kotak", "wrong PIN")
    visitor.says("/refresh kotak")
    visitor.reads("Kotak Neo refused the MPIN")
    visitor.presses("#people button", "Stranger")
    visitor.presses("#chat-1001 .opens-menu")
    contrast, text = visitor.browser.chrome.execute_script(CONTRAST)

    assert contrast >= READABLE, text
