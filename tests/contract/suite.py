"""What every broker must do. A broker's own test file is data."""

from __future__ import annotations

import logging
import socket
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

import pytest

from brokers import (
    AccessToken,
    Broker,
    BrokerError,
    BrokerUnreachable,
    CodeRejected,
    ConsentRejected,
    RateLimited,
    Secret,
    TokenRejected,
    UnexpectedReply,
)
from tests.contract.stand_in import (
    Answer,
    Seen,
    StandIn,
    account,
    breaks_off,
    drips_body,
    drips_headers,
    everything_said,
    floods,
    hangs,
    resets,
    says,
    slowly,
)
from tests.fakes import FakeClock

TROUBLES: dict[str, tuple[Answer, type[BrokerError]]] = {
    "too many requests": (says(429, {}), RateLimited),
    "too many requests, no JSON": (says(429, "slow down"), RateLimited),
    "server error": (says(500, {}), BrokerUnreachable),
    "gateway page": (says(502, "<html>Bad Gateway</html>"), BrokerUnreachable),
    "maintenance page": (says(200, "<!doctype html><p>We will be back"), BrokerUnreachable),
    "nothing at all, and a bad status": (says(503, ""), BrokerUnreachable),
    "nothing at all": (says(200, ""), UnexpectedReply),
    "no JSON": (says(200, "OK"), UnexpectedReply),
    "no UTF-8": (says(200, b'{"a": "\xff"}'), UnexpectedReply),
    "not a number": (says(200, '{"a": NaN}'), UnexpectedReply),
    "a depth bomb": (says(200, "[" * 100_000), UnexpectedReply),
    "a list": (says(200, [1, 2]), UnexpectedReply),
    "an empty object": (says(200, {}), UnexpectedReply),
    "a redirect": (says(302, "", Location="https://example.com/?pin=1"), UnexpectedReply),
    "reset": (resets, BrokerUnreachable),
    "breaks off": (breaks_off, BrokerUnreachable),
    "hangs": (hangs, BrokerUnreachable),
    "drips headers": (drips_headers, BrokerUnreachable),
    "drips a body": (drips_body, BrokerUnreachable),
    "floods": (floods, UnexpectedReply),
}


def refused_in_one_sentence(call: Callable[[Secret], object], pasted: str, match: str = ".") -> None:
    with pytest.raises(ConsentRejected, match=match) as caught:
        call(Secret(pasted))

    assert len(str(caught.value)) < 200
    assert "\n" not in str(caught.value)
    assert not pasted or pasted not in everything_said(caught.value)


class BrokerContract:
    broker: type[Broker[Any]]
    config: Any
    """For a login without the admin; its secrets are distinctive."""
    secrets: tuple[str, ...]
    now: datetime
    before: ClassVar[list[tuple[str, object]]] = []
    """Path and answer of each step that a login takes first, where it takes several."""
    path: str
    """Of the login."""
    granted: object
    client: str
    undated: object
    """A login's answer that says nothing of times."""
    another_client: object
    """A login's answer with somebody else's token."""
    other: str
    """That somebody."""
    refused: ClassVar[list[tuple[int, object, type[BrokerError]]]]
    dead: tuple[int, object]
    """The answer to a read with a dead token."""

    def account(self, server: StandIn, **more: Any) -> Any:
        return account(self.broker, self.config, server, FakeClock(self.now), **more)

    def token(self) -> AccessToken:
        return AccessToken(Secret("token-that-is-alive"), self.client, self.now, self.now + timedelta(hours=5))

    def grants(self, server: StandIn, answer: object) -> None:
        server.will(*(says(200, body) for _, body in self.before), says(200, answer))

    def test_a_login_gives_a_token_of_the_client(self, server: StandIn) -> None:
        self.grants(server, self.granted)

        token = self.account(server).login()

        assert isinstance(token, AccessToken)
        assert token.client_id == self.client
        assert token.issued_at.tzinfo is UTC
        assert self.now < token.expires_at <= token.issued_at + timedelta(hours=24)

    def test_a_login_is_one_request_or_one_for_each_of_its_steps(self, server: StandIn) -> None:
        self.grants(server, self.granted)

        self.account(server).login()

        assert [seen.path for seen in server.seen] == [*(path for path, _ in self.before), self.path]

    def test_a_token_whose_time_is_not_told_is_as_old_as_the_question_for_it(self, server: StandIn) -> None:
        clock = FakeClock(self.broker.expiry(self.now) - timedelta(seconds=10))
        asked_at: list[datetime] = []
        answer = slowly(clock, says(200, self.undated), asked_at)
        server.will(*(says(200, body) for _, body in self.before), answer)

        token = account(self.broker, self.config, server, clock).login()

        assert [token.issued_at] == asked_at
        assert token.expires_at == self.broker.expiry(*asked_at)

    def test_a_token_of_another_client_is_told_as_such(self, server: StandIn) -> None:
        self.grants(server, self.another_client)

        token = self.account(server).login()

        assert token.client_id == self.other

    def test_a_refused_login_says_what_to_do_and_is_not_repeated(self, server: StandIn) -> None:
        for status, body, error in self.refused:
            server.seen.clear()
            server.will(says(status, body))

            with pytest.raises(error) as caught:
                self.account(server).login()

            assert type(caught.value) is error
            assert server.saw(1)

    @pytest.mark.parametrize("trouble", TROUBLES)
    def test_a_login_in_trouble_is_one_attempt_and_one_of_our_errors(self, server: StandIn, trouble: str) -> None:
        answer, error = TROUBLES[trouble]
        server.will(answer)

        with pytest.raises(error) as caught:
            self.account(server).login()

        assert type(caught.value) is error
        assert server.saw(1)

    @pytest.mark.parametrize("trouble", TROUBLES)
    def test_a_read_in_trouble_is_one_of_our_errors(self, server: StandIn, trouble: str) -> None:
        answer, error = TROUBLES[trouble]
        server.will(answer)

        with pytest.raises(error):
            self.account(server).profile(self.token())

    def test_a_read_is_repeated_when_the_broker_stumbles(self, server: StandIn) -> None:
        server.will(says(503, ""), says(503, ""), says(*self.dead))

        with pytest.raises(TokenRejected):
            self.account(server).profile(self.token())

        assert len(server.seen) == 3

    def test_a_dead_token_is_told_and_not_asked_about_again(self, server: StandIn) -> None:
        server.will(says(*self.dead))

        with pytest.raises(TokenRejected):
            self.account(server).profile(self.token())

        assert len(server.seen) == 1

    def test_nobody_listening_is_unreachable(self, server: StandIn) -> None:
        with socket.socket() as closed:
            closed.bind(("127.0.0.1", 0))
            address = f"http://127.0.0.1:{closed.getsockname()[1]}"
        ours = account(self.broker, self.config, address, FakeClock(self.now))

        for call in (ours.login, lambda: ours.profile(self.token())):
            with pytest.raises(BrokerUnreachable):
                call()

    @pytest.mark.parametrize("trouble", [*TROUBLES, "granted", "refused"])
    def test_no_secret_is_in_any_error_or_log(
        self, server: StandIn, trouble: str, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level(logging.DEBUG)
        steps = [says(200, body) for _, body in self.before]
        scripts = {
            "granted": [[*steps, says(200, self.granted)]],
            "refused": [[says(status, body)] for status, body, _ in self.refused],
        }
        said = []

        for script in scripts.get(trouble) or [[TROUBLES[trouble][0]]]:
            for call in (lambda ours: ours.login(), lambda ours: ours.profile(self.token())):
                server.will(*script)
                try:
                    said.append(repr(call(self.account(server))))
                except BrokerError as error:
                    said.append(everything_said(error))

        sent = {value for seen in server.seen for value in seen.query.values()} - {self.client}
        text = "\n".join([*said, caplog.text, *(repr(vars(record)) for record in caplog.records)])
        for secret in {*self.secrets, *sent, "token-that-is-alive"}:
            assert secret not in text

    def test_a_netrc_and_a_proxy_of_the_environment_change_nothing(
        self, server: StandIn, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        netrc = tmp_path / ".netrc"
        netrc.write_text("machine 127.0.0.1 login somebody password else\ndefault login somebody password else\n")
        netrc.chmod(0o600)
        monkeypatch.setenv("HOME", str(tmp_path))
        monkeypatch.setenv("NETRC", str(netrc))
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
            monkeypatch.setenv(name, "http://127.0.0.1:9")
        server.will(says(*self.dead))

        with pytest.raises(TokenRejected):
            self.account(server).profile(self.token())

        ours = self.account(server).headers(self.token())
        assert server.seen[0].headers.get("authorization") == ours.get("Authorization")
        for name, value in ours.items():
            assert server.seen[0].headers[name.lower()] == value

    def test_every_endpoint_has_a_pace(self) -> None:
        assert set(self.broker.paces) == set(self.broker.endpoints)

    def test_programs_get_the_token_and_nothing_prints_it(self, server: StandIn) -> None:
        ours = self.account(server)

        assert self.token().value.reveal() in ours.environment(self.token()).values()
        assert self.token().value.reveal() in "".join(ours.headers(self.token()).values())
        assert "token-that-is-alive" not in repr(self.token())
        assert not any(secret in repr(self.config) for secret in self.secrets)


class CodeContract:
    """What a broker must do whose login sends a TOTP code first."""

    account: Any
    wrong_code: tuple[int, object]

    def code_in(self, seen: Seen) -> str:
        raise NotImplementedError

    def test_two_logins_never_send_the_same_code(self, server: StandIn) -> None:
        server.will(says(*self.wrong_code))
        ours = self.account(server)

        for _ in range(2):
            with pytest.raises(CodeRejected):
                ours.login()

        first, second = (self.code_in(seen) for seen in server.seen)
        assert first != second
