"""Whatever is answered, pasted, pressed, written or found on the disk: a good value, or one of our errors.

The normal run tries a little of everything, in shapes hypothesis finds; the long one tries very much, by chance but the
same each time. `KUNJI_FUZZ=10 pytest -m long tests/faults/test_fuzz.py` tries ten times as much.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.store._codec import Codec, Misfit
from brokers import BrokerError, ConsentRejected, Drift, Secret, UnexpectedReply, WrongClient
from brokers._http import Http, per_second
from brokers._reply import Reply
from handlers.buttons import ButtonRefused, opened, sign
from tests.contract import test_dhan, test_zerodha
from tests.contract.nonsense import anything, raw
from tests.contract.stand_in import SAMPLES, Handler, StandIn, chain, stand_in
from tests.fakes import FakeClock
from tests.faults.fuzz import IN_ONE, SIGNS, Chance, refusal, told
from tests.faults.made_up import Replies, Subject, judge, samples
from tests.faults.on_disk import CONFIG_WORDS, DOTENV, EXAMPLES, KNOWN, Kept, hidden_in, read_config
from tests.faults.subjects import EACH, SUBJECTS, WORDS
from tests.unit.store.samples import KEY, NOW, held, item, row

STATUSES = st.sampled_from([200, 302, 400, 401, 403, 404, 429, 500]) | st.integers(100, 999)
FEW = settings(max_examples=60, suppress_health_check=list(HealthCheck))
MANY = pytest.mark.long
HALVES = pytest.mark.parametrize("part", range(2))


# What a broker answers.


@EACH
def test_no_reply_brings_anything_but_a_good_value_or_one_of_our_errors(subject: Subject) -> None:
    bodies = [json.loads(text) for text in samples(subject.name)]

    @FEW
    @given(raw(bodies, *WORDS), STATUSES, st.text(max_size=40), st.sampled_from(subject.calls))
    def holds(body: object, status: int, location: str, call: str) -> None:
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        reply = Reply(subject.kind.title, status, None, content, Secret(location))
        for way in subject.configs:
            judge(subject, call, subject.account(way, lambda path: reply), [reply])

    holds()


@MANY
@EACH
@pytest.mark.parametrize("part", range(10))
def test_a_great_many_replies_bring_nothing_else(subject: Subject, part: int) -> None:
    chance = Chance(f"{subject.name} {part}", WORDS)

    for number in range(IN_ONE):
        way, call = chance.one_of(list(subject.configs)), chance.one_of(subject.calls)
        replies = Replies(subject, call, chance)
        with told(f"{subject.name} {part}", number, way, call, replies):
            judge(subject, call, subject.account(way, replies), replies.sent)


WHOLE = (
    b"HTTP/1.1 200 OK\r\nDate: Fri, 20 Nov 2026 03:15:12 GMT\r\nContent-Type: application/json; charset=utf-16\r\n"
    b'Set-Cookie: a=b; Path=/\r\nLocation: /next\r\nRetry-After: 30\r\nContent-Length: 10\r\n\r\n{"a": 1.5}',
    b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 No Content\r\nAge: 7\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Encoding: gzip\r\n\r\n"
    b'5\r\n{"a":\r\n2\r\n1}\r\n0\r\n\r\n',
)


@pytest.fixture
def server() -> Iterator[StandIn]:
    with stand_in() as made:
        yield made


def receive(server: StandIn, data: bytes) -> None:
    def answer(handler: Handler) -> None:
        handler.wfile.write(data)

    server.will(answer)
    settings: dict[str, Any] = {"paces": {"api": per_second(9)}, "limits": server.patience}
    http = Http("A broker", {"api": server.url}, FakeClock(), Drift(), **settings)

    error = refusal(BrokerError, lambda: http.get("api", "/").body)

    assert str(error).isprintable()


@FEW
@given(st.binary(max_size=200) | st.lists(st.binary(), min_size=2).map(b"\r\n".join).map(b"HTTP/1.1 2".__add__))
def test_whatever_comes_over_the_wire_is_a_reply_or_one_of_our_errors(server: StandIn, data: bytes) -> None:
    receive(server, data)


@MANY
@HALVES
def test_a_great_many_torn_replies_are_replies_or_one_of_our_errors(server: StandIn, part: int) -> None:
    chance = Chance(f"wire {part}")

    for number in range(IN_ONE // 10):
        data = chance.torn(chance.one_of(WHOLE))
        with told(f"wire {part}", number, data):
            receive(server, data)


# What the admin pastes.

CALLBACK = f"{test_zerodha.LANDING}?action=login&status=success&request_token={test_zerodha.REQUEST_TOKEN}"
PASTES = (
    CALLBACK,
    f"{CALLBACK}&state=1c2d3e4-{32 * 'a'}",
    test_zerodha.REQUEST_TOKEN,
    "https://kite.zerodha.com/connect/login?v=3&api_key=samplekey0000001",
    f"https://example.com/?tokenId={test_dhan.TOKEN_ID}",
    f"127.0.0.1:8723/dhan/?tokenId={test_dhan.TOKEN_ID}#top",
    test_dhan.TOKEN_ID,
    test_dhan.token_of(test_dhan.CLIENT),
    test_dhan.token_of("1000000002"),
    "https://auth.dhan.co/login/consentApp-login?consentAppId=940b0ca1-3ff4-4476-b46e-03a3ce7dc55d",
    "482913",
    "482 913",
)
PASTED_WORDS = ("request_token=", "&request_token=abcdefgh12345678", "tokenId=", "&state=", "&status=success", "eyJ")


def no_request() -> None:
    raise AssertionError("reading what was pasted asks nobody")


def paste(subject: Subject, way: str, text: str) -> None:
    ours = subject.account(way, lambda path: pytest.fail("a request"))
    found: list[Secret] = []

    with ours.noting(no_request):
        error = refusal(ConsentRejected, lambda: found.append(ours.answer_in(Secret(text))))

    if error is not None:
        said = "\n".join(f"{link} {link.args} {vars(link)}" for link in chain(error))
        words = [word for word in re.split(r"\s", text) if len(word) > 5 and re.search("[0-9]", word)]
        assert not any(word in said for word in words)
        assert len(str(error)) < 200
        assert str(error).isprintable()
        return
    (answer,) = (one.reveal() for one in found)
    assert re.fullmatch(r"[\w.-]{6,16000}", answer, re.ASCII)
    assert answer in unquote(text) or answer == "".join(text.split())


@EACH
def test_whatever_is_pasted_is_an_answer_or_refused_in_a_sentence(subject: Subject) -> None:
    parts = st.text(max_size=30) | st.sampled_from([*PASTES, *PASTED_WORDS, *SIGNS])

    @FEW
    @given(st.lists(parts, max_size=4).map("".join))
    def holds(text: str) -> None:
        for way in subject.configs:
            paste(subject, way, text)

    holds()


@MANY
@HALVES
def test_a_great_many_pastes_are_answers_or_refused(part: int) -> None:
    chance = Chance(f"paste {part}", PASTED_WORDS)

    for number in range(IN_ONE):
        text, subject = chance.text(chance.one_of(PASTES)), chance.one_of(SUBJECTS)
        way = chance.one_of(list(subject.configs))
        with told(f"paste {part}", number, subject.name, way, text):
            paste(subject, way, text)


# What a broker posts.

SENDERS = [subject for subject in SUBJECTS if subject.kind.posts_back]
POSTED = {
    subject.name: [path.read_text() for path in sorted((SAMPLES / subject.name).glob("postback_*.json"))]
    for subject in SENDERS
}


def post(subject: Subject, body: bytes) -> None:
    ours = subject.account(next(iter(subject.configs)), lambda path: pytest.fail("a request"))
    found: list[str] = []

    error = refusal(BrokerError, lambda: found.append(ours.postback(body)))

    if error is None:
        assert re.fullmatch(r"[\w-]{1,40}", found[0], re.ASCII)
        return
    assert type(error) in (UnexpectedReply, WrongClient)
    said = "\n".join(f"{link} {link.args} {vars(link)}" for link in chain(error))
    assert not any(secret in said for secret in subject.secrets)
    assert len(str(error)) < 200


@MANY
@HALVES
def test_a_great_many_postbacks_name_an_order_or_are_refused(part: int) -> None:
    chance = Chance(f"post {part}", WORDS)

    for number in range(IN_ONE):
        subject = chance.one_of(SENDERS)
        body = chance.written(chance.spoilt(json.loads(chance.one_of(POSTED[subject.name]))))
        with told(f"post {part}", number, subject.name, body):
            post(subject, body)


# What comes back from a button.

MINE, FORCED = (sign(KEY, action, "dhan", 7, NOW + timedelta(hours=1)) for action in ("go", "force"))
HERS = sign(KEY, "go", "dhan", 8, NOW + timedelta(hours=2))
BUTTONS = (MINE, FORCED, HERS)


def press(data: str) -> None:
    for user, own in ((7, (MINE, FORCED)), (8, (HERS,))):
        error = refusal(ButtonRefused, partial(opened, KEY, data, user, NOW))
        assert (error is None) == (data in own)
        assert len(data) < 9 or data not in str(error)


@FEW
@given(st.text(max_size=64) | st.binary(max_size=64).map(lambda data: data.decode("latin-1")))
def test_no_made_up_button_is_obeyed(data: str) -> None:
    press(data)


@MANY
@HALVES
def test_of_a_great_many_changed_buttons_none_is_obeyed(part: int) -> None:
    chance = Chance(f"button {part}", BUTTONS)

    for number in range(IN_ONE):
        good = chance.one_of(BUTTONS)
        data = chance.torn(good.encode()).decode("latin-1") if chance.once_in(2) else chance.text(good)
        with told(f"button {part}", number, data):
            press(data)
            press(good[:16] + chance.one_of(BUTTONS)[16:])


# What the admin writes.


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "config"
    made.mkdir(mode=0o700)
    return made


@FEW
@given(
    st.sampled_from(sorted(EXAMPLES)),
    st.dictionaries(st.sampled_from(KNOWN) | st.text(max_size=9), anything(*CONFIG_WORDS), max_size=3),
    st.just(DOTENV) | st.binary(max_size=60),
    st.binary(max_size=40) | st.none(),
)
def test_whatever_is_written_is_a_config_or_told_in_sentences(
    folder: Path, name: str, changes: dict[str, Any], dotenv: bytes, instead: bytes | None
) -> None:
    written = EXAMPLES | {name: EXAMPLES[name] | changes}
    files = {file: json.dumps(values).encode() for file, values in written.items()} | {".env": dotenv}

    read_config(folder, files if instead is None else files | {name: instead}, hidden_in(list(written.values())))


@MANY
@HALVES
def test_a_great_many_configs_are_taken_or_told_in_sentences(folder: Path, part: int) -> None:
    chance = Chance(f"config {part}", CONFIG_WORDS)
    whole = {name: json.dumps(written) for name, written in EXAMPLES.items()}

    for number in range(IN_ONE):
        name = chance.one_of(list(whole))
        written = json.loads(whole[name])
        for _ in range(chance.one_of((1, 1, 2, 3))):
            if isinstance(written, dict) and chance.once_in(2):
                written[chance.one_of(KNOWN)] = chance.word() if chance.once_in(2) else chance.value()
            else:
                written = chance.spoilt(written)
        files = {"dhan_config.json": whole["dhan_config.json"].encode(), name: chance.written(written)}
        if chance.once_in(2):
            files[".env"] = chance.torn(DOTENV) if chance.once_in(2) else DOTENV
        with told(f"config {part}", number, files):
            read_config(folder, files, hidden_in(written) | {"planted-hidden"})


# What lies on the disk.

RECORDS = tuple((Codec(type(record)), record) for record in (held(), item(), row()))


@pytest.fixture
def kept(tmp_path: Path) -> Kept:
    return Kept(tmp_path)


@FEW
@given(st.binary(max_size=80), st.integers(0, 2000), st.integers(0, 2000), st.booleans())
def test_a_damaged_store_is_read_right_or_not_at_all(kept: Kept, data: bytes, at: int, to: int, whole: bool) -> None:
    kept.read(data if whole else kept.data[:at] + data + kept.data[to:], torn=True)


@MANY
@HALVES
def test_of_a_great_many_damaged_stores_each_is_read_right_or_not_at_all(kept: Kept, part: int) -> None:
    chance = Chance(f"store {part}", ("tokens", "dhan", "kotak", "sealed", "format", 2, "kunji", "counter"))

    for number in range(IN_ONE):
        torn = chance.once_in(2)
        data = chance.torn(kept.data) if torn else kept.edited(chance)
        with told(f"store {part}", number, data):
            kept.read(data, torn=torn)


@MANY
@HALVES
def test_of_a_great_many_odd_records_each_is_refused_or_whole(part: int) -> None:
    chance = Chance(f"record {part}")
    good = [(codec, json.loads(codec.encode(record))) for codec, record in RECORDS]

    for number in range(IN_ONE):
        codec, written = chance.one_of(good)
        text = chance.written(chance.spoilt(json.loads(json.dumps(written)))).decode(errors="replace")
        with told(f"record {part}", number, text):
            try:
                found = codec.decode(text)
            except Misfit:
                continue
            assert codec.decode(codec.encode(found)) == found
