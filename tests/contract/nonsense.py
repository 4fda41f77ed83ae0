"""Answers no broker would give, and what may come of one: no reply whatever raises anything but our errors."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from hypothesis import strategies as st

from brokers import ConsentRejected, KunjiError, Secret
from brokers._reply import Reply

STATUSES = st.sampled_from([200, 201, 204, 302, 400, 401, 403, 404, 422, 424, 429, 500, 502])


def reply(body: object, status: int = 200) -> Reply:
    return Reply("A broker", status, None, body if isinstance(body, bytes) else json.dumps(body).encode())


def anything(*words: object) -> st.SearchStrategy[object]:
    """Any JSON, in which the words a broker's parsers look for turn up too."""
    leaves = (
        st.none()
        | st.booleans()
        | st.integers()
        | st.floats()
        | st.text(max_size=20)
        | st.sampled_from(["9" * 400, "\ud800", *words])
    )
    return st.recursive(
        leaves,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
        max_leaves=8,
    )


def nonsense(bodies: Sequence[object], *words: object) -> st.SearchStrategy[object]:
    """A sample with something else in one or two of its places, or something else altogether."""
    return _spoilt(bodies, anything(*words)) | anything(*words)


def raw(bodies: Sequence[object], *words: object) -> st.SearchStrategy[object]:
    """Nonsense, or bytes that are no JSON at all."""
    return nonsense(bodies, *words) | st.binary(max_size=60)


def pasted(bodies: Sequence[object]) -> st.SearchStrategy[str]:
    """What somebody may paste instead of what was asked for."""
    return st.text(max_size=300) | st.text("0123456789 \n", max_size=9) | st.sampled_from(bodies).map(json.dumps)


def raises_only_ours(call: Callable[[Any], object], given: object) -> bool:
    """Whether it answers or raises one of our errors; any other passes through, so that a test shows where it arose."""
    try:
        call(given)
    except KunjiError:
        return True
    return True


def taken(answer_in: Callable[[Secret], Secret], text: str) -> str | None:
    """What was read from a pasted text; None where it was refused."""
    try:
        return answer_in(Secret(text)).reveal()
    except ConsentRejected:
        return None


@st.composite
def _spoilt(draw: st.DrawFn, bodies: Sequence[object], other: st.SearchStrategy[object]) -> object:
    body = json.loads(json.dumps(draw(st.sampled_from(bodies))))
    places = [place for place in _objects(body) if place]
    for place in draw(st.lists(st.sampled_from(places), min_size=1, max_size=2)) if places else []:
        place[draw(st.sampled_from(sorted(place)))] = draw(other)
    return body


def _objects(body: Any) -> Iterator[dict[str, Any]]:
    """The objects of a sample, however deep: the envelope, its data, every row."""
    if isinstance(body, dict):
        yield body
    for inner in body.values() if isinstance(body, dict) else body if isinstance(body, list) else []:
        yield from _objects(inner)
