"""Stores for readers to read, written by the bot's own store."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

from bot.store import Store, open_store
from bot.store.records import HeldToken
from brokers import AccessToken, Secret

NOW = datetime(2026, 1, 5, 3, 15, tzinfo=UTC)


def store(folder: Path) -> Store:
    """Where the config in that folder says. A server keeps tokens by the clock that says NOW."""
    return open_store(folder, environment={}, now=lambda: NOW)


def say_where(folder: Path, address: str) -> None:
    """In the config: the store lies there."""
    (folder / "bot_config.json").write_text(json.dumps({"store": address}))


def held(
    value: str,
    *,
    issued_at: datetime = NOW,
    expires_at: datetime = NOW + timedelta(hours=8),
    rejected_at: datetime | None = None,
    broker: str = "dhan",
    extra: Mapping[str, str] | None = None,
    **variables: str,
) -> HeldToken:
    return HeldToken(
        AccessToken(Secret(value), "1100", issued_at, expires_at, extra=_secret(extra or {})),
        proven=False,
        broker=broker,
        rejected_at=rejected_at,
        environment=_secret(variables or {"DHAN_ACCESS_TOKEN": value}),
        headers=_secret({"access-token": value}),
    )


def _secret(values: Mapping[str, str]) -> dict[str, Secret]:
    return {name: Secret(value) for name, value in values.items()}
