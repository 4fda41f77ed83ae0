"""Browsers come back from a login, or pretend to."""

from __future__ import annotations

import asyncio
import threading

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.web.pages import NOTHING_HERE
from brokers import BrokerUnreachable, ConsentRejected
from tests.unit.web.doorstep import CHAT, MESSAGE, PUBLIC, Doorstep, a_doorstep

NOTHING = NOTHING_HERE.response(PUBLIC).body.decode()
BOTH = pytest.mark.parametrize("account", ["link", "path"])


def token(step: Doorstep, account: str) -> str | None:
    held = step.tokens.held(account)
    return held.token.value.reveal() if held else None


@BOTH
@pytest.mark.parametrize("slash", ["", "/"])
async def test_a_login_is_finished_by_the_redirect_and_told_in_page_and_chat(account: str, slash: str) -> None:
    async with a_doorstep() as step:
        query = step.opens_link(account)

        answer = await step.get(f"{step.path(account)}{slash}?{query}")

    assert answer.status == 200
    assert f"<b>{account}</b>: new token, good until" in answer.body
    assert "You can close this page." in answer.body
    assert token(step, account) == step.scripts[account].live
    [(chat, message, said)] = step.chat
    assert (chat, message) == (CHAT, MESSAGE)
    assert "new token, good until" in said


@BOTH
async def test_a_page_that_is_opened_again_says_so_and_exchanges_nothing(account: str) -> None:
    async with a_doorstep() as step:
        target = f"{step.path(account)}?{step.opens_link(account)}"
        await step.get(target)

        again = [await step.get(target) for _ in range(3)]

    assert step.exchanges() == 1
    assert all("a moment ago already" in one.body for one in again)
    assert len(step.chat) == 1


@BOTH
async def test_yesterdays_page_opened_again_does_not_say_that_there_is_a_token(account: str) -> None:
    async with a_doorstep() as step:
        target = f"{step.path(account)}?{step.opens_link(account)}"
        await step.get(target)
        step.clock.go(25 * 3600)

        again = await step.get(target)

    assert (again.status, again.body) == (404, NOTHING)
    assert step.exchanges() == 1


@BOTH
async def test_fifty_at_once_are_one_exchange(account: str) -> None:
    async with a_doorstep() as step:
        target = f"{step.path(account)}?{step.opens_link(account)}"

        answers = await asyncio.gather(*(step.get(target) for _ in range(50)))

    assert step.exchanges() == 1
    assert all("new token" in one.body or "already" in one.body for one in answers)
    assert len(step.chat) == 1


async def test_what_takes_long_is_told_later_and_another_address_meanwhile_exchanges_nothing() -> None:
    granted = threading.Event()
    async with a_doorstep(page_within=0.1) as step:
        target = f"{step.path('path')}?{step.opens_link('path')}"
        step.scripts["path"].during_login = lambda: bool(granted.wait(10))

        early = await step.get(target)
        other = await step.get(f"{step.path('path')}?{step.query_of('path', 'code-2')}")
        granted.set()
        await step.until_told()
        late = await step.get(target)

    assert (early.status, other.status) == (202, 202)
    assert "Finishing the login of <b>path</b>" in early.body
    assert "already" in late.body
    assert step.exchanges() == 1


async def test_the_exchange_ends_though_the_browser_went_away() -> None:
    granted = threading.Event()
    async with a_doorstep() as step:
        target = f"{step.path('link')}?{step.opens_link('link')}"
        step.scripts["link"].during_login = lambda: bool(granted.wait(10))
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(step.get(target), 0.2)
        granted.set()
        await step.until_told()

    assert token(step, "link") == step.scripts["link"].live


# Who did not come from a link of ours.


async def refused(step: Doorstep, *targets: str) -> None:
    """Nothing was done, and all of them look alike."""
    answers = [await step.get(target) for target in targets]

    assert [one.status for one in answers] == [404] * len(targets)
    assert {one.body for one in answers} == {NOTHING}
    assert step.exchanges() == 0
    assert step.chat == []


async def test_a_forged_missing_doubled_or_anothers_state_opens_nothing() -> None:
    async with a_doorstep() as step:
        mine, others = step.opens_link("link"), step.opens_link("link-two")

        await refused(
            step,
            "/callback/link?code=code-1",
            "/callback/link?code=code-1&state=",
            f"/callback/link?code=code-1&state={'A' * 43}",
            f"/callback/link?{others}",
            f"/callback/link-two?{mine}",
            f"/callback/link?{mine}&{others}",
        )


async def test_an_unknown_account_and_a_wrong_secret_look_alike() -> None:
    async with a_doorstep() as step:
        query, secret = step.opens_link("path"), step.path("path").rpartition("/")[2]
        step.opens_link("link")

        await refused(
            step,
            *(f"/callback/{place}?{query}" for place in ("path", "path/", "nobody", "typed", f"link/{secret}")),
            *(
                f"/callback/{place}?{query}"
                for place in (f"path/{secret[:-1]}A", f"path/{secret}x", f"path/{secret}//")
            ),
            "/callback",
            "/callback/",
            "/",
        )


async def test_without_an_open_login_nothing_is_exchanged() -> None:
    async with a_doorstep() as step:
        await refused(step, f"{step.path('path')}?code=code-1", f"{step.path('link')}?code=code-1&state={'A' * 43}")


async def test_a_state_is_of_no_use_once_it_was_used_whatever_comes_with_it() -> None:
    async with a_doorstep() as step:
        query = step.opens_link("link")
        await step.get(f"/callback/link?{query}")
        before = token(step, "link")

        replayed = await step.get(f"/callback/link?{query.replace('code-1', 'code-2')}")

    assert replayed.body == NOTHING
    assert step.exchanges() == 1
    assert token(step, "link") == before


async def test_a_link_is_taken_for_ten_minutes_after_it_was_shown() -> None:
    async with a_doorstep() as step:
        query = step.opens_link("link")
        step.clock.go(599)
        step.tokens.refresh("link", who="admin")
        step.clock.go(601)

        late = await step.get(f"/callback/link?{query}")
        step.tokens.refresh("link", who="admin")
        step.clock.go(599)
        in_time = await step.get(f"/callback/link?{query}")

    assert late.status == 409
    assert "10 minutes" in late.body
    assert "new token" in in_time.body
    assert step.exchanges() == 1


async def test_a_login_that_came_too_late_is_told_in_the_chat_as_well_and_once_for_each_address() -> None:
    async with a_doorstep() as step:
        query = step.opens_link("link")
        step.clock.go(601)

        for _ in range(3):
            await step.get(f"/callback/link?{query}")
        await step.get(f"/callback/link?{query.replace('code-1', 'code-2')}")

    assert step.done == [False, False]
    (chat, message, said), _ = step.chat
    assert (chat, message) == (CHAT, MESSAGE)
    assert "more than 10 minutes have passed" in said
    assert "/refresh for a fresh link" in said


async def test_three_failed_exchanges_close_a_login() -> None:
    async with a_doorstep() as step:
        step.opens_link("path")
        step.scripts["path"].login = [ConsentRejected("the code was used") for _ in range(5)]

        answers = [await step.get(f"{step.path('path')}?code=code-{number}") for number in range(5)]

    assert [one.status for one in answers] == [409, 409, 409, 404, 404]
    assert step.exchanges() == 3


async def test_a_refused_login_is_not_repeated_by_opening_the_page_again() -> None:
    async with a_doorstep() as step:
        target = f"{step.path('path')}?{step.opens_link('path')}"
        step.scripts["path"].login = [ConsentRejected("the code was used")]

        answers = [await step.get(target) for _ in range(3)]

    assert all("the code was used" in one.body for one in answers)
    assert step.exchanges() == 1


@BOTH
async def test_after_an_outage_opening_the_page_again_tries_again(account: str) -> None:
    async with a_doorstep() as step:
        target = f"{step.path(account)}?{step.opens_link(account)}"
        step.scripts[account].login = [BrokerUnreachable("it did not answer")]

        first, second = await step.get(target), await step.get(target)

    assert "Nothing was refused" in first.body
    assert "new token" in second.body


async def test_the_login_of_another_client_is_not_kept() -> None:
    async with a_doorstep() as step:
        target = f"{step.path('link')}?{step.opens_link('link')}"
        step.scripts["link"].login = ["9999999999"]

        answer = await step.get(target)

    assert "another client" in answer.body
    assert token(step, "link") is None
    assert "another client" in step.chat[0][2]


async def test_a_login_that_was_given_up_leaves_its_link_as_it_is() -> None:
    async with a_doorstep() as step:
        query = step.opens_link("link")

        given_up = await step.get(f"/callback/link?{query.replace('code=', 'gave_up=')}")
        done = await step.get(f"/callback/link?{query}")

    assert "holds no code" in given_up.body
    assert "new token" in done.body
    assert len(step.chat) == 1


async def test_nothing_is_taken_while_the_bot_is_locked() -> None:
    async with a_doorstep() as step:
        target = f"{step.path('link')}?{step.opens_link('link')}"
        step.store.update_bot(lambda note: type(note)(locked=True))

        answer = await step.get(target)

    assert answer.status == 403
    assert "kunji unlock" in answer.body
    assert step.exchanges() == 0


# Requests of other kinds.


@pytest.mark.parametrize("method", ["HEAD", "POST", "PUT", "DELETE", "OPTIONS", "TRACE", "PATCH", "BREW"])
async def test_only_get_is_answered(method: str) -> None:
    async with a_doorstep() as step:
        answer = await step.get(f"/callback/link?{step.opens_link('link')}", method)

    assert (answer.status, answer.headers["allow"]) == (405, "GET")
    assert step.exchanges() == 0


@pytest.mark.parametrize(
    "header", [{"Sec_Purpose": "prefetch;prerender"}, {"Purpose": "prefetch"}, {"X_Moz": "prefetch"}]
)
async def test_a_browser_that_looks_ahead_uses_nothing_up(header: dict[str, str]) -> None:
    async with a_doorstep() as step:
        target = f"/callback/link?{step.opens_link('link')}"

        ahead, then = await step.get(target, **header), await step.get(target)

    assert ahead.status == 503
    assert "new token" in then.body


async def test_tricks_with_the_path_lead_nowhere() -> None:
    async with a_doorstep() as step:
        query, secret = step.opens_link("link"), step.path("path").rpartition("/")[2]

        await refused(
            step,
            *(
                f"{path}?{query}"
                for path in (
                    "/callback/../callback/link",
                    "/callback/%2e%2e/callback/link",
                    "/callback/./link",
                    "//callback/link",
                    "/callback//link",
                    "/callback/link%00",
                    "/callback/link%2f..%2flink",
                    "/callback/LINK",
                    "/callback/link;a=b",
                    f"/callback/path%2f{secret}%2f..",
                    "/callback/%ff%fe",
                    f"/callback/{'a' * 8000}",
                    f"/callback/{'%2e%2e%2f' * 800}",
                )
            ),
        )


async def test_a_huge_query_is_refused() -> None:
    async with a_doorstep() as step:
        query = step.opens_link("link")
        long = await step.get(f"/callback/link?{query}&more={'a' * 5000}&{query}")
        longer = await step.get(f"/callback/link?{query}&more={'a' * 20_000}")
        many = await step.get(f"/callback/link?{'&'.join(f'a{n}=1' for n in range(900))}&{query}")

    assert [one.status for one in (long, many)] == [404, 404]
    assert longer.status in {400, 431}
    assert step.exchanges() == 0


async def test_what_the_address_holds_is_in_no_header_and_in_no_page() -> None:
    evil = "%0d%0aSet-Cookie:%20a=b%0d%0a%0d%0a%3Cscript%3Eplanted%3C/script%3E"
    async with a_doorstep() as step:
        query = step.opens_link("link")
        step.scripts["link"].login = [ConsentRejected("the code was used")]
        answers = [
            await step.get(f"/callback/link?{query}&{evil}={evil}"),
            await step.get(f"/callback/link?code={evil}"),
            await step.get(f"/callback/{evil}?{query}"),
        ]

    for answer in answers:
        assert "set-cookie" not in answer.headers
        assert "evil.example" not in str(answer)
        for part in ("planted", "code-1", query):
            assert part not in answer.body


@pytest.mark.parametrize("kind", ["done", "nothing", "method"])
async def test_every_page_says_that_nobody_keeps_frames_or_passes_it_on(kind: str) -> None:
    async with a_doorstep() as step:
        query = step.opens_link("link")
        target = "/elsewhere" if kind == "nothing" else f"/callback/link?{query}"
        headers = (await step.get(target, "POST" if kind == "method" else "GET")).headers

    assert headers["cache-control"] == "no-store"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["strict-transport-security"]
    for part in ("default-src 'none'", "base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'", "'sha256-"):
        assert part in headers["content-security-policy"]


@settings(max_examples=60)
@given(st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=300))
def test_whatever_is_asked_for_nothing_is_exchanged(target: str) -> None:
    async def ask() -> None:
        async with a_doorstep() as step:
            step.opens_link("link")
            step.opens_link("path")
            for prefix in (
                "/",
                "/callback/",
                "/callback/link?",
                "/callback/link/",
                "/callback/path/",
                "/callback/path?",
            ):
                answer = await step.get(prefix + target)
                assert answer.status in {400, 404, 431}
            assert step.exchanges() == 0

    asyncio.run(ask())
