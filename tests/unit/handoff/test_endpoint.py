"""The local endpoint: what a program asks, and what it is told."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from bot.handoff.endpoint import News
from bot.handoff.readers import Readers
from bot.store import StoreError
from brokers import BrokerUnreachable, LoginRejected
from tests.fake_broker import CLIENT
from tests.fakes import MemoryStore
from tests.unit.handoff.counter import REJECTED, TOKEN, counter
from tests.unit.tokens.desk import NAME


async def etag(client: httpx.AsyncClient) -> str:
    return (await client.get(TOKEN)).headers["ETag"]


async def says(client: httpx.AsyncClient, mark: str) -> httpx.Response:
    return await client.post(REJECTED, headers={"If-Match": mark})


# Reading


async def test_a_live_token_comes_with_everything_a_program_needs(tmp_path: Path) -> None:
    async with counter(tmp_path) as at, at.client() as client:
        at.bench.clock.go(90)

        answer = await client.get(TOKEN)

        assert answer.status_code == 200
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.json() == {
            "account": NAME,
            "broker": "fake",
            "client_id": CLIENT,
            "token": "token-1",
            "extra": {},
            "environment": {"FAKE_ACCESS_TOKEN": "token-1"},
            "headers": {"access-token": "token-1"},
            "issued_at": "2026-11-17T02:30:00+00:00",
            "expires_at": "2026-11-18T02:30:00+00:00",
            "age": 90,
            "proven": True,
        }


async def test_a_token_that_is_known_already_is_not_sent_again(tmp_path: Path) -> None:
    async with counter(tmp_path) as at, at.client() as client:
        mark = await etag(client)

        for known in (mark, f"W/{mark}", f'"something", {mark}'):
            answer = await client.get(TOKEN, headers={"If-None-Match": known})
            assert (answer.status_code, answer.content, answer.headers["ETag"]) == (304, b"", mark)

        at.refresh()
        assert (await client.get(TOKEN, headers={"If-None-Match": mark})).json()["token"] == "token-2"


async def test_the_etag_is_the_same_after_a_restart_and_holds_nothing_of_the_token(tmp_path: Path) -> None:
    async with counter(tmp_path) as at, at.client() as client:
        mark = await etag(client)

    async with counter(tmp_path) as at, at.client() as client:
        assert await etag(client) == mark
        assert "token" not in mark


@pytest.mark.parametrize("why", ["expired", "rejected", "none"])
async def test_a_dead_token_is_given_to_nobody(tmp_path: Path, why: str) -> None:
    async with counter(tmp_path) as at, at.client() as client:
        held = at.bench.store.load(NAME)
        assert held is not None
        if why == "expired":
            at.bench.clock.go(24 * 3600)
        elif why == "rejected":
            at.bench.store.save(NAME, replace(held, rejected_at=at.bench.clock.now()))
        else:
            at.bench.store.delete(NAME)

        answer = await client.get(TOKEN)

        assert (answer.status_code, answer.json()) == (503, {"error": f"there is no live token for {NAME} now"})


async def test_a_store_that_cannot_be_read_is_told_in_its_own_sentence(tmp_path: Path) -> None:
    class Broken(MemoryStore):
        broken = False

        def load(self, account: str) -> None:  # type: ignore[override]
            if self.broken:
                raise StoreError("the store is damaged")
            return super().load(account)  # type: ignore[return-value]

    store = Broken()
    async with counter(tmp_path, store=store) as at, at.client() as client:
        store.broken = True

        answer = await client.get(TOKEN)

        assert (answer.status_code, answer.json()) == (503, {"error": "the store is damaged"})


async def test_the_accounts_are_listed_with_their_state(tmp_path: Path) -> None:
    async with counter(tmp_path) as at, at.client() as client:
        mark = await etag(client)
        expires_at = "2026-11-18T02:30:00+00:00"

        fresh = (await client.get("/v1/accounts")).json()
        at.bench.clock.go(24 * 3600)
        expired = (await client.get("/v1/accounts")).json()

        row = {"name": NAME, "broker": "fake", "expires_at": expires_at}
        assert fresh == {"accounts": [row | {"state": "fresh", "etag": mark}]}
        assert expired == {"accounts": [row | {"state": "expired", "etag": None}]}


# Waiting


async def test_who_waits_for_a_newer_token_is_given_it_when_it_comes(tmp_path: Path) -> None:
    async with counter(tmp_path) as at, at.client() as client:
        mark = await etag(client)
        waiting = asyncio.create_task(client.get(TOKEN, params={"newer_than": mark, "wait": "30"}, timeout=20))
        await asyncio.sleep(0.05)

        await asyncio.to_thread(at.refresh)
        answer = await waiting

        assert (answer.status_code, answer.json()["token"]) == (200, "token-2")
        assert answer.headers["ETag"] != mark


async def test_who_waits_is_not_told_of_a_token_that_dies_but_of_the_next_one(tmp_path: Path) -> None:
    async with counter(tmp_path) as at, at.client() as client:
        mark = await etag(client)
        waiting = asyncio.create_task(client.get(TOKEN, params={"newer_than": mark.strip('"'), "wait": "30"}))
        await asyncio.sleep(0.05)

        await asyncio.to_thread(at.bench.store.delete, NAME)
        await asyncio.sleep(0.05)
        assert not waiting.done()
        await asyncio.to_thread(at.refresh)

        assert (await waiting).json()["token"] == "token-2"


async def test_waiting_in_vain_ends_when_the_time_is_up(tmp_path: Path) -> None:
    async with counter(tmp_path) as at, at.client() as client:
        mark = await etag(client)

        same = await client.get(TOKEN, params={"newer_than": mark, "wait": "0.05"})
        at.bench.store.delete(NAME)
        none = await client.get(TOKEN, params={"newer_than": mark, "wait": "0.05"})

        assert (same.status_code, none.status_code) == (304, 503)


@pytest.mark.parametrize("wait", ["61", "-1", "soon", "nan", "inf", ""])
async def test_a_time_nobody_waits_is_refused(tmp_path: Path, wait: str) -> None:
    async with counter(tmp_path) as at, at.client() as client:
        answer = await client.get(TOKEN, params={"wait": wait})

        assert (answer.status_code, answer.json()["error"]) == (400, "wait takes a number of seconds from 0 to 60")


async def test_who_waits_when_the_bot_stops_is_told_so(tmp_path: Path) -> None:
    async with counter(tmp_path) as at, at.client() as client:
        mark = await etag(client)
        waiting = asyncio.create_task(client.get(TOKEN, params={"newer_than": mark, "wait": "30"}))
        await asyncio.sleep(0.05)

        await at.private.close()
        answer = await waiting

        assert (answer.status_code, answer.json()) == (503, {"error": "kunji is stopping"})
        assert not (tmp_path / "kunji.sock").exists()


# Saying that a token is dead


async def test_a_dead_token_is_replaced_and_the_new_one_comes_back(tmp_path: Path) -> None:
    async with counter(tmp_path) as at, at.client() as client:
        mark = await etag(client)
        at.bench.clock.go(3600)
        at.bench.script.live = "somebody else's"

        answer = await says(client, mark)

        assert answer.status_code == 200
        assert (answer.json()["token"], answer.json()["alive"]) == ("token-2", False)
        assert answer.headers["ETag"] == await etag(client)
        assert at.bench.store.history(NAME)[0].who == "program"


async def test_a_token_that_lives_is_given_back_without_a_login(tmp_path: Path) -> None:
    async with counter(tmp_path) as at, at.client() as client:
        mark = await etag(client)

        answer = await client.post(REJECTED, json={"etag": mark})

        assert (answer.status_code, answer.headers["ETag"]) == (200, mark)
        assert (answer.json()["token"], answer.json()["alive"]) == ("token-1", True)
        assert at.bench.script.logins == 1


async def test_a_token_that_is_no_longer_current_costs_no_probe(tmp_path: Path) -> None:
    async with counter(tmp_path) as at, at.client() as client:
        mark = await etag(client)
        at.refresh()
        at.bench.script.profile = [BrokerUnreachable("nobody was to be asked")]

        answer = await says(client, mark)

        assert (answer.status_code, answer.json()["token"], answer.json()["alive"]) == (200, "token-2", False)


@pytest.mark.parametrize("body", [b"", b"{}", b"[]", b'{"etag": 7}', b'{"etag": ""}', b"not JSON", b"[" * 4000])
async def test_the_token_that_is_dead_has_to_be_named(tmp_path: Path, body: bytes) -> None:
    async with counter(tmp_path) as at, at.client() as client:
        answer = await client.post(REJECTED, content=body)

        assert answer.status_code == 400
        assert "ETag" in answer.json()["error"]


@pytest.mark.parametrize(
    ("error", "status"), [(BrokerUnreachable("the broker is silent"), 503), (LoginRejected("the PIN is wrong"), 409)]
)
async def test_a_refresh_that_fails_is_told_in_its_own_sentence(
    tmp_path: Path, error: BrokerUnreachable | LoginRejected, status: int
) -> None:
    async with counter(tmp_path) as at, at.client() as client:
        mark = await etag(client)
        at.bench.clock.go(3600)
        at.bench.script.live = "somebody else's"
        at.bench.script.login = [error]

        answer = await says(client, mark)

        assert (answer.status_code, answer.json()) == (status, {"error": str(error)})


async def test_a_paused_account_is_left_alone(tmp_path: Path) -> None:
    async with counter(tmp_path) as at, at.client() as client:
        mark = await etag(client)
        at.bench.service.pause(NAME)
        at.bench.script.live = "somebody else's"

        answer = await says(client, mark)

        assert answer.status_code == 409
        assert "paused" in answer.json()["error"]
        assert at.bench.script.logins == 1


# Rights


async def test_a_key_opens_what_it_is_for(tmp_path: Path) -> None:
    async with counter(tmp_path, port=True) as at, at.client(at.key("strategy1", NAME)) as client:
        assert (await client.get(TOKEN)).json()["token"] == "token-1"
        assert [row["name"] for row in (await client.get("/v1/accounts")).json()["accounts"]] == [NAME]


async def test_without_rights_an_account_looks_as_if_it_did_not_exist(tmp_path: Path) -> None:
    async with counter(tmp_path, port=True) as at, at.client(at.key("strategy1", "another")) as client:
        mine, none = await client.get(TOKEN), await client.get("/v1/tokens/none")
        rejecting, nothing = await says(client, '"x"'), await client.post("/v1/tokens/none/rejected")

        assert (mine.status_code, mine.content, mine.headers) == (none.status_code, none.content, none.headers)
        assert {mine.status_code, rejecting.status_code} == {404}
        assert nothing.status_code == 400
        assert (await client.get("/v1/accounts")).json() == {"accounts": []}


@pytest.mark.parametrize("authorization", [None, "", "Bearer", "Bearer kr_no", "Basic eDp5", "kr_no"])
async def test_on_a_port_nobody_is_answered_without_a_key_that_is_right(
    tmp_path: Path, authorization: str | None
) -> None:
    headers = {} if authorization is None else {"Authorization": authorization}
    async with counter(tmp_path, port=True) as at, at.client() as client:
        at.key()
        answers = [
            await client.get("/v1/accounts", headers=headers),
            await client.get(TOKEN, headers=headers),
            await client.post(REJECTED, headers=headers | {"If-Match": '"x"'}),
        ]

        assert {answer.status_code for answer in answers} == {401}
        assert len({answer.content for answer in answers}) == 1


async def test_a_key_that_was_taken_away_is_worth_nothing_at_once(tmp_path: Path) -> None:
    async with counter(tmp_path, port=True) as at, at.client(at.key()) as client:
        assert (await client.get(TOKEN)).status_code == 200
        Readers(at.bench.store).remove("strategy1")
        assert (await client.get(TOKEN)).status_code == 401


async def test_after_ten_wrong_keys_in_a_minute_only_right_ones_are_heard(tmp_path: Path) -> None:
    async with counter(tmp_path, port=True) as at, at.client("kr_wrong") as wrong, at.client(at.key()) as right:
        first = [(await wrong.get(TOKEN)).status_code for _ in range(12)]
        others = (await right.get(TOKEN)).status_code
        at.bench.clock.go(60)
        later = (await wrong.get(TOKEN)).status_code

        assert first == [401] * 10 + [429] * 2
        assert (others, later) == (200, 401)


async def test_on_the_socket_the_owner_needs_no_key_and_a_key_limits(tmp_path: Path) -> None:
    async with counter(tmp_path) as at:
        async with at.client() as owner, at.client(at.key("other", "another")) as limited, at.client("kr_no") as wrong:
            codes = [(await one.get(TOKEN)).status_code for one in (owner, limited, wrong)]

        assert codes == [200, 404, 401]


async def test_what_comes_from_a_web_page_is_turned_away(tmp_path: Path) -> None:
    async with counter(tmp_path, port=True) as at, at.client(at.key()) as client:
        port = client.base_url.port
        for headers in ({"Origin": "https://evil.example"}, {"Host": "evil.example"}, {"Host": f"evil.example:{port}"}):
            assert (await client.get(TOKEN, headers=headers)).status_code == 403
        for host in ("localhost", f"localhost:{port}", "[::1]", "127.0.0.1"):
            assert (await client.get(TOKEN, headers={"Host": host})).status_code == 200


async def test_what_does_not_exist_is_told_as_json(tmp_path: Path) -> None:
    async with counter(tmp_path) as at, at.client() as client:
        assert (await client.get("/")).json() == {"error": "Not Found"}
        assert (await client.put(TOKEN)).json() == {"error": "Method Not Allowed"}


# The trace


async def test_every_question_leaves_who_when_which_and_what(tmp_path: Path) -> None:
    async with counter(tmp_path) as at:
        key = at.key("strategy1", NAME)
        async with at.client(key) as client, at.client() as owner, at.client("kr_wrong") as wrong:
            mark = await etag(client)
            await client.get(TOKEN, headers={"If-None-Match": mark})
            await says(client, mark)
            await client.get("/v1/tokens/none")
            await client.get("/v1/accounts")
            await owner.get(TOKEN)
            await wrong.get(TOKEN)

        lines = await at.audited()

        assert [(line["who"], line["account"], line["what"]) for line in lines] == [
            ("strategy1", NAME, "read"),
            ("strategy1", NAME, "unchanged"),
            ("strategy1", NAME, "rejected"),
            ("strategy1", None, "refused"),
            ("strategy1", None, "listed"),
            ("owner", NAME, "read"),
            ("nobody", None, "refused"),
        ]
        assert lines[0]["at"] == "2026-11-17T02:30:00.000+00:00"
        assert not any(secret in json.dumps(lines) for secret in ("token-1", mark.strip('"'), key, "kr_wrong"))


async def test_an_assisted_account_is_left_to_its_admin(tmp_path: Path) -> None:
    async with counter(tmp_path, login="assisted") as at, at.client() as client:
        answer = await says(client, '"x"')

        assert answer.status_code == 409
        assert "waits for its admin" in answer.json()["error"]
        assert at.bench.script.logins == 0


async def test_a_key_that_is_taken_away_while_the_bot_logs_in_is_given_no_token(tmp_path: Path) -> None:
    async with counter(tmp_path) as at, at.client(at.key("strategy1")) as client:
        mark = await etag(client)
        at.bench.clock.go(3600)
        at.bench.script.live = "somebody else's"
        at.bench.script.during_login = lambda: Readers(at.bench.store).remove("strategy1")

        answer = await says(client, mark)

        assert (answer.status_code, at.bench.script.logins) == (401, 2)
        assert "token-2" not in answer.text


async def test_names_that_somebody_makes_up_are_not_remembered() -> None:
    news = News([NAME])

    assert news.next(NAME) is news.next(NAME)
    assert news.next("made-up") is not news.next("made-up")
