"""Sealed values of the config, and changing the key."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.keys import open_value, read_key, rotate, seal_value
from bot.store import Store, StoreError, open_store, places_of
from kunji import Reader
from kunji._seal import write_ring
from tests.unit.store.samples import KEY, NOW, OTHER_KEY, held, item, row

_TEXTS = st.text(st.characters(codec="utf-8"))


@given(account=_TEXTS, field=_TEXTS, text=_TEXTS)
def test_a_sealed_value_opens_as_what_it_was(account: str, field: str, text: str) -> None:
    sealed = seal_value(KEY, account, field, text)

    assert sealed.startswith("sealed:")
    assert open_value(KEY, account, field, sealed) == text


def test_a_sealed_value_opens_nowhere_else() -> None:
    sealed = seal_value(KEY, "dhan", "pin", "000042")

    for account, field in (("kotak", "pin"), ("dhan", "totp_secret"), ("dhanpin", "")):
        with pytest.raises(StoreError, match="was sealed for another account or field"):
            open_value(KEY, account, field, sealed)


def test_a_sealed_value_opens_with_its_own_key_only() -> None:
    sealed = seal_value(KEY, "dhan", "pin", "000042")

    with pytest.raises(StoreError, match="was sealed with another key"):
        open_value(OTHER_KEY, "dhan", "pin", sealed)
    assert open_value(OTHER_KEY + KEY, "dhan", "pin", sealed) == "000042"


def test_a_value_that_was_tampered_with_never_opens_as_another() -> None:
    sealed = seal_value(KEY, "dhan", "pin", "000042")

    for place in range(len("sealed:"), len(sealed)):
        other = "A" if sealed[place] != "A" else "B"
        # The last letter may hold bits that belong to no byte.
        with suppress(StoreError):
            assert open_value(KEY, "dhan", "pin", sealed[:place] + other + sealed[place + 1 :]) == "000042"
            assert place == len(sealed) - 1


@pytest.mark.parametrize("text", ["", "sealed:", "sealed:x", "sealed:x.y", "sealed:é"])
def test_what_was_never_sealed_is_refused(text: str) -> None:
    with pytest.raises(StoreError):
        open_value(KEY, "dhan", "pin", text)


def test_a_key_is_made_only_where_it_may_be(tmp_path: Path) -> None:
    places = places_of(tmp_path, None, {})

    with pytest.raises(StoreError, match="there is no key"):
        read_key(places, create=False, environment={})
    made = read_key(places, create=True, environment={})

    assert read_key(places, create=False, environment={}) == made
    assert len(made) == 32


def test_the_key_in_the_environment_comes_first(tmp_path: Path) -> None:
    places = places_of(tmp_path, None, {})

    assert read_key(places, create=True, environment={"KUNJI_KEY": write_ring(KEY)}) == KEY
    assert not Path(places.key_file).exists()


def test_a_changed_key_seals_everything_anew(tmp_path: Path) -> None:
    store = open_store(tmp_path, environment={})
    _fill(store)
    old = read_key(places_of(tmp_path, None, {}), create=False, environment={})
    before = _files(tmp_path / ".kunji")

    rotate(tmp_path, environment={})

    new = read_key(places_of(tmp_path, None, {}), create=False, environment={})
    assert len(new) == 32
    assert new != old
    _check_filled(open_store(tmp_path, key=new, environment={}))
    _check_filled(store)
    after = _files(tmp_path / ".kunji")
    assert after.keys() == {name for name in before if not name[-1].isdigit()}
    with pytest.raises(StoreError, match="the key does not fit"):
        open_store(tmp_path, key=old, environment={})


def test_what_lies_beside_the_stores_files_does_not_hinder_a_key_change(tmp_path: Path) -> None:
    store = open_store(tmp_path, environment={})
    store.save("dhan", held())
    beside = tmp_path / ".kunji" / "audit.log"
    beside.write_text("{}\n")

    rotate(tmp_path, None, environment={})

    assert open_store(tmp_path, environment={}).load("dhan") == held()
    assert beside.read_text() == "{}\n"


def test_the_backup_of_a_key_change_is_a_whole_store(tmp_path: Path) -> None:
    _fill(open_store(tmp_path, environment={}))

    backup = rotate(tmp_path, environment={}).backup

    _check_filled(open_store(tmp_path, str(backup), environment={}))


def test_a_program_that_reads_goes_on_after_a_key_change(tmp_path: Path) -> None:
    store = open_store(tmp_path, environment={})
    store.save("dhan", held("one"))
    reader = Reader("dhan", config=tmp_path, environment={}, now=NOW.timestamp)
    assert reader.token() == "one"

    rotate(tmp_path, environment={})
    store.save("dhan", held("two"))

    assert reader.wait_newer(10)
    assert reader.token() == "two"


def test_a_changed_key_seals_the_config_anew(tmp_path: Path) -> None:
    open_store(tmp_path, environment={})
    old = read_key(places_of(tmp_path, None, {}), create=False, environment={})
    text = json.dumps(
        {
            "client_id": "1100",
            "pin": seal_value(old, "dhan-wife", "pin", "000042"),
            "endpoints": {"auth": seal_value(old, "dhan-wife", "endpoints.auth", "http://127.0.0.1:1")},
        },
        indent=7,
    )
    _write(tmp_path / "dhan-wife_config.json", text)
    _write(tmp_path / "kotak_config.json", "not sealed, not read")
    _write(tmp_path / ".env", f"# mine\nTELEGRAM_BOT_TOKEN='{seal_value(old, 'bot', 'telegram_bot_token', '1:A')}'\n")

    done = rotate(tmp_path, environment={})

    new = read_key(places_of(tmp_path, None, {}), create=False, environment={})
    assert done.config_files == ("dhan-wife_config.json", ".env")
    written = (tmp_path / "dhan-wife_config.json").read_text()
    values = json.loads(written)
    assert open_value(new, "dhan-wife", "pin", values["pin"]) == "000042"
    assert open_value(new, "dhan-wife", "endpoints.auth", values["endpoints"]["auth"]) == "http://127.0.0.1:1"
    assert written == json.dumps(values, indent=7)
    line = (tmp_path / ".env").read_text().splitlines()[1]
    assert open_value(new, "bot", "telegram_bot_token", line.split("'")[1]) == "1:A"


def test_nothing_is_changed_if_anything_cannot_be_opened(tmp_path: Path) -> None:
    store = open_store(tmp_path, environment={})
    _fill(store)
    _write(tmp_path / "dhan_config.json", json.dumps({"pin": seal_value(OTHER_KEY, "dhan", "pin", "000042")}))
    before = _files(tmp_path / ".kunji")

    with pytest.raises(StoreError, match="dhan"):
        rotate(tmp_path, environment={})

    assert _files(tmp_path / ".kunji") == before
    _check_filled(store)


def test_a_key_in_the_environment_is_changed_by_naming_both(tmp_path: Path) -> None:
    alone = {"KUNJI_KEY": write_ring(KEY).strip()}
    both = {"KUNJI_KEY": f"{write_ring(OTHER_KEY).strip()}, {write_ring(KEY)}"}
    _fill(open_store(tmp_path, environment=alone))

    with pytest.raises(StoreError, match="cannot be changed from here"):
        rotate(tmp_path, environment=alone)
    backup = rotate(tmp_path, environment=both).backup

    _check_filled(open_store(tmp_path, key=OTHER_KEY, environment={}))
    assert not (tmp_path / ".kunji" / "kunji.key").exists()
    assert not (backup / "kunji.key").exists()


def _fill(store: Store) -> None:
    store.save("dhan", held("one"))
    store.save("dhan", held("two"))
    store.queue([item()])
    store.record(row())


def _check_filled(store: Store) -> None:
    store.check()
    assert store.load("dhan") == held("two")
    assert [waiting for _, waiting in store.queued()] == [item()]
    assert store.history("dhan") == [row()]


def _files(store: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in (*store.glob("*.json*"), *store.glob("history/*"))}


def _write(path: Path, text: str) -> None:
    path.write_text(text)
    path.chmod(0o600)
