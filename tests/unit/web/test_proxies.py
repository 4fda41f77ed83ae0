"""Whose request it is, whatever its headers say."""

from __future__ import annotations

from ipaddress import ip_network
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.listening import Place, Port, UnixSocket
from bot.web.proxies import Callers, address

PORT, SOCKET = Port("127.0.0.1", 8730), UnixSocket(Path("door.sock"))
TRUSTED = (ip_network("127.0.0.1"), ip_network("172.18.0.0/16"), ip_network("fd00::/8"))
FAR = "203.0.113.7"


def caller(peer: str | None, *forwarded: str, place: Place = PORT, **more: str) -> str:
    """In the words of an address; the headers as they came."""
    headers = [(b"x-forwarded-for", one.encode("latin-1")) for one in forwarded]
    headers += [(name.replace("_", "-").encode(), value.encode()) for name, value in more.items()]
    scope = {"type": "http", "client": (peer, 1) if peer is not None else None, "headers": headers}
    return str(Callers(TRUSTED, place).of(scope))


def test_without_a_proxy_it_is_the_peers() -> None:
    assert caller(FAR) == FAR


def test_of_a_peer_that_is_no_trusted_proxy_nothing_is_believed() -> None:
    assert caller(FAR, "127.0.0.1, 198.51.100.1") == FAR


@pytest.mark.parametrize(
    "forwarded",
    [
        [FAR],
        [f"198.51.100.1, {FAR}"],
        [f"198.51.100.1,{FAR}, 172.18.0.3 , 127.0.0.1"],
        ["198.51.100.1", FAR, "172.18.0.3"],
        [f"no address, {FAR}"],
        [f"127.0.0.1, {FAR}"],
        [f"::ffff:{FAR}"],
    ],
)
def test_behind_proxies_it_is_the_right_most_that_is_none_of_them(forwarded: list[str]) -> None:
    assert caller("127.0.0.1", *forwarded) == FAR


@pytest.mark.parametrize("peer", ["::ffff:127.0.0.1", "fd00::1", "172.18.255.255"])
def test_a_proxy_is_known_by_network_and_in_the_clothes_of_ipv6(peer: str) -> None:
    assert caller(peer, FAR) == FAR


@pytest.mark.parametrize(
    "said", ["", "unknown", "203.0.113.7:1234", "[2001:db8::1]", f"{FAR}, _hidden", f"{FAR},", "é"]
)
def test_where_a_proxy_says_nothing_that_is_an_address_it_is_the_proxys_own(said: str) -> None:
    assert caller("172.18.0.3", said) == "172.18.0.3"


def test_if_all_are_proxies_it_is_the_furthest() -> None:
    assert caller("127.0.0.1", "172.18.0.4, 172.18.0.3") == "172.18.0.4"


def test_who_can_open_our_socket_is_a_proxy_we_trust() -> None:
    assert caller(None, f"198.51.100.1, {FAR}", place=SOCKET) == FAR
    assert caller(None, place=SOCKET) == "None"


def test_a_peer_that_is_gone_already_is_not_taken_for_one() -> None:
    assert caller(None, FAR) == "None"


def test_no_other_header_is_believed() -> None:
    assert (
        caller("127.0.0.1", x_real_ip=FAR, forwarded=f"for={FAR}", cf_connecting_ip=FAR, x_forwarded_host=FAR)
        == "127.0.0.1"
    )


@given(st.text(st.characters(max_codepoint=255, exclude_characters="\r\n"), max_size=60))
def test_whatever_a_stranger_writes_before_it_the_proxys_word_stands(text: str) -> None:
    assert caller("127.0.0.1", text, FAR) == FAR
    assert caller("127.0.0.1", f"{text},{FAR}") == FAR


@given(st.text(max_size=50))
def test_no_text_makes_it_stumble(text: str) -> None:
    found = address(text)
    assert found is None or address(str(found)) == found
