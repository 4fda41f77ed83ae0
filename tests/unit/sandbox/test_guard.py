"""Who gets in at the control door, and what an odd request is answered with."""

from __future__ import annotations

import http.client
from urllib.parse import urlsplit

import pytest

from bot.sandbox import Sandbox


def status(sandbox: Sandbox, path: str, host: str | None = None) -> int:
    door = urlsplit(sandbox.control_url)
    connection = http.client.HTTPConnection(str(door.hostname), door.port, timeout=10)
    connection.putrequest("GET", path, skip_host=True)
    connection.putheader("Host", host or door.netloc)
    connection.endheaders()
    try:
        return connection.getresponse().status
    finally:
        connection.close()


@pytest.mark.parametrize(("path", "host"), [("*", None), ("/", "[::1"), ("/", "[a]b")])
def test_a_path_or_host_that_is_none_is_no_fault_of_the_sandboxs(sandbox: Sandbox, path: str, host: str | None) -> None:
    assert status(sandbox, path, host) == 400


def test_only_this_machine_and_whoever_was_told_the_address_gets_in(sandbox: Sandbox) -> None:
    told = urlsplit(sandbox.control_url).path

    assert status(sandbox, f"{told}/control") == 200
    assert status(sandbox, f"{told}/control", "elsewhere.example") == 403
    assert status(sandbox, "/guessed/control") == 404
