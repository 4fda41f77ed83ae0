"""The page a browser is shown."""

from __future__ import annotations

import base64
import hashlib
import re

import pytest

from bot.web.pages import LOCKED, NOT_AHEAD, NOTHING_HERE, ONLY_GET, Page, under_way
from handlers.text import esc

PAGES = {
    "done": Page(200, "✅ <b>zerodha</b>: new token"),
    "nothing": NOTHING_HERE,
    "get": ONLY_GET,
    "ahead": NOT_AHEAD,
    "locked": LOCKED,
    "under way": under_way("<script>alert(1)</script>"),
    "evil": Page(409, esc('</style><script src="https://evil.example">\n<img onerror=x>')),
}


@pytest.mark.parametrize("name", PAGES)
def test_a_page_holds_no_script_and_loads_nothing(name: str) -> None:
    body = bytes(PAGES[name].response("https://kunji.example").body).decode()

    assert not re.search(r"<(script|img|link|iframe|form|a)\b|url\(", body)
    assert body.startswith("<!doctype html>")


@pytest.mark.parametrize("name", PAGES)
def test_the_policy_allows_the_style_that_is_in_the_page_and_nothing_else(name: str) -> None:
    response = PAGES[name].response("https://kunji.example")

    [style] = re.findall(r"<style>(.*?)</style>", bytes(response.body).decode(), re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    policy = response.headers["content-security-policy"].split("; ")
    assert f"style-src 'sha256-{digest}'" in policy
    assert "default-src 'none'" in policy
    assert "unsafe" not in response.headers["content-security-policy"]


def test_browsers_are_told_to_stay_with_tls_only_where_there_is_any() -> None:
    assert "strict-transport-security" in NOTHING_HERE.response("https://kunji.example").headers
    assert "strict-transport-security" not in NOTHING_HERE.response("http://127.0.0.1:8730").headers
