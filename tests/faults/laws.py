"""What must hold whatever befalls hosts with one store: each law a function of a story, giving what broke it in words.

A login is *disturbed* by a fault, a stall of the machine or a store that did not answer, between its beginning and its
token being kept.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Any, NamedTuple

from bot import budget
from tests.faults.branch import Login
from tests.faults.fates import Fault
from tests.faults.stage import Story
from tests.faults.witnesses import FINGERPRINT

Line = dict[str, Any]
AFTERMATH = 0.6
"""Seconds after which nobody waits any more for what a fault has swallowed."""

UNHEARD_FOR = 2.0
"""Seconds for which a message may lie while it is found out that the leader is gone."""


class Attempt(NamedTuple):
    """At a login, from before it was noted."""

    account: str
    name: str
    host: int
    pid: int
    begins: float
    ends: float
    """Its token was kept, or the next one began."""
    login: Login | None
    """What the broker saw of it."""
    kept: float
    """For ever after, if it never was."""

    @property
    def was_refused(self) -> bool:
        return self.login is not None and self.login.outcome != "granted"


class Told(NamedTuple):
    """A story, read."""

    story: Story
    by_kind: dict[str, list[Line]]
    attempts: list[Attempt]

    @classmethod
    def of(cls, story: Story) -> Told:
        by_kind: dict[str, list[Line]] = defaultdict(list)
        for line in story.lines():
            by_kind[line["what"]].append(line)
        return cls(story, by_kind, _attempts(story, by_kind))

    def faults(self) -> list[Fault]:
        """What was done to the hosts, what the machine did to them, and when the store did not answer them."""
        stalls = [Fault("stall", line["host"], line["since"], line["at"]) for line in self.by_kind["stalled"]]
        away = [Fault("away", line["host"], line["at"], line["at"]) for line in self.by_kind["away"]]
        return [*self.story.faults, *stalls, *away]

    def is_disturbed(self, one: Attempt) -> bool:
        return any(
            fault.host in {None, one.host} and fault.begins <= one.ends and one.begins <= fault.ends + AFTERMATH
            for fault in self.faults()
        )


def _attempts(story: Story, by_kind: dict[str, list[Line]]) -> list[Attempt]:
    logins = {login.attempt: login for login in story.logins}
    kept = {line["token"]: line["at"] for line in reversed(by_kind["kept"])}
    begun = sorted(by_kind["begins"], key=lambda line: float(line["at"]))
    found = []
    for nth, line in enumerate(begun):
        account, login = line["account"], logins.get(line["attempt"])
        following = next((later["at"] for later in begun[nth + 1 :] if later["account"] == account), math.inf)
        kept_at = kept.get(login.token, math.inf) if login else math.inf
        ends = kept_at if kept_at < math.inf else following
        found.append(Attempt(account, line["attempt"], line["host"], line["pid"], line["at"], ends, login, kept_at))
    return found


def it_came_to_rest(told: Told) -> Iterator[str]:
    if told.story.unrest:
        yield told.story.unrest
    for line in told.by_kind["fell"]:
        yield f"host {line['host']} fell: {line['why']}"


def each_need_is_met_by_one_login(told: Told) -> Iterator[str]:
    """A further one only where the one before was disturbed, and none while the newest token is kept."""
    needs: dict[tuple[str, str], list[tuple[float, Attempt]]] = defaultdict(list)
    for one in told.attempts:
        if one.login and one.login.outcome == "granted":
            needs[one.account, one.login.expires_at].append((one.login.at, one))
    for (account, _), made in needs.items():
        in_order = [one for _, one in sorted(made)]
        for first, second in pairwise(in_order):
            if first.kept < second.begins:
                yield f"{account}: {second.name} was begun when the newest token had been kept"
            elif not told.is_disturbed(first) and not told.is_disturbed(second):
                yield f"{account}: {first.name} and {second.name} were made side by side"


def the_token_kept_is_the_one_that_lives(told: Told) -> Iterator[str]:
    for plan in told.story.fate.plans:
        held, note = told.story.held[plan.name], told.story.notes[plan.name]
        if plan.login != "auto" or plan.answer == "refused":
            continue
        if budget.spent(note, FINGERPRINT):
            yield from _not_spent_for_nothing(told, plan.name)
        elif not told.story.is_well(plan.name) and not told.story.is_thought_an_intruders(plan.name):
            kept = held and held.token.value.reveal()
            yield f"{plan.name}: {kept} is kept, and {told.story.live[plan.name]} lives"


def _not_spent_for_nothing(told: Told, account: str) -> Iterator[str]:
    """One that was taken for cut off, and comes back refused, counts for both."""
    made = [one for one in told.attempts if one.account == account]
    against = sum(map(told.is_disturbed, made)) + sum(one.was_refused for one in made)
    if against < budget.STRIKES:
        yield f"{account}: nothing more is tried, with {against} things against it"


def no_older_token_takes_the_place_of_a_newer_one(told: Told) -> Iterator[str]:
    order = {login.token: nth for nth, login in enumerate(told.story.logins)}
    kept = [(line["account"], order.get(line["token"], -1), line) for line in told.by_kind["kept"]]
    for account, number, line in kept:
        for other, newer, before in kept:
            if account == other and number < newer and before["at"] < line["since"]:
                yield f"{account}: {line['token']} was kept by host {line['host']} over {before['token']}"


def no_account_is_refused_above_its_budget(told: Told) -> Iterator[str]:
    refused = Counter(login.account for login in told.story.logins if login.outcome != "granted")
    for account, times in refused.items():
        if times > budget.STRIKES:
            yield f"{account} was refused {times} times"


def no_code_is_used_twice(told: Told) -> Iterator[str]:
    used = Counter((login.account, login.window) for login in told.story.logins)
    for (account, _), times in used.items():
        if times > 1:
            yield f"{account}: a code was used {times} times"


def every_alert_arrives(told: Told) -> Iterator[str]:
    arrived, queued = told.story.alerts("arrived"), told.story.alerts("queued")
    for line in told.by_kind["told"]:
        lost_with_host = line["pid"] not in told.story.survivors
        for key in line["alerts"]:
            if key not in arrived and not (lost_with_host and key not in queued) and not _is_mended(told, key):
                yield f"host {line['host']} told of {key!r}, and nobody heard"
    refused = [one for one in told.attempts if one.account == "wrong" and one.was_refused]
    if all(one.pid in told.story.survivors for one in refused) and not any("refused wrong " in key for key in arrived):
        yield "nobody heard that wrong was refused"


def _is_mended(told: Told, key: str) -> bool:
    """It was no longer true in the end."""
    kind, account, _ = key.split(" ")
    held, note = told.story.held.get(account), told.story.notes.get(account)
    if kind in {"warning", "expired"}:
        return held is None or held.token.expires_at.isoformat() not in key
    if kind == "dead":
        return held is not None and held.rejected_at is None
    return kind == "refused" and note is not None and not budget.spent(note, FINGERPRINT)


def no_alert_comes_more_than_twice(told: Told) -> Iterator[str]:
    """Nor twice without a fault. Several faults may each make one come again."""
    arrivals: dict[str, list[float]] = defaultdict(list)
    for line in told.by_kind["arrived"]:
        for key in line["alerts"]:
            arrivals[key].append(line["at"])
    for key, times in arrivals.items():
        told_about = times[0] - UNHEARD_FOR
        hits = [fault for fault in told.faults() if fault.begins <= times[-1] and told_about <= fault.ends + AFTERMATH]
        done = sum(fault in told.story.faults for fault in hits)
        if len(times) > (max(2, 1 + done) if hits else 1):
            yield f"{key!r} came {len(times)} times, and {done} faults befell it"


def nobody_leads_who_was_succeeded(told: Told) -> Iterator[str]:
    """Whoever acts for all does so by an answer after which nobody else was called."""
    called = told.by_kind["called"]
    for line in told.by_kind["leads"]:
        mine = [one for one in called if one["pid"] == line["pid"] and one["at"] <= line["at"]]
        last = max((one["at"] for one in mine), default=-math.inf)
        for other in called:
            if other["pid"] != line["pid"] and last < other["since"] and other["at"] <= line["since"]:
                yield f"host {line['host']} led when host {other['host']} had been called"
                return


LAWS: tuple[Callable[[Told], Iterator[str]], ...] = (
    it_came_to_rest,
    each_need_is_met_by_one_login,
    the_token_kept_is_the_one_that_lives,
    no_older_token_takes_the_place_of_a_newer_one,
    no_account_is_refused_above_its_budget,
    no_code_is_used_twice,
    every_alert_arrives,
    no_alert_comes_more_than_twice,
    nobody_leads_who_was_succeeded,
)


def broken(story: Story) -> list[str]:
    """What broke any law, in sentences."""
    told = Told.of(story)
    return [f"{law.__name__}: {how}" for law in LAWS for how in law(told)]
