"""Takes the place where a door shall stand, and reads its certificate. Serves nothing."""

from __future__ import annotations

import errno
import socket
import ssl
import stat
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

from bot.listening import Port, Tls
from brokers import KunjiError

BACKLOG = 1024


class DoorBlocked(KunjiError):
    """There is no listening where the config says."""


def secured(tls: Tls) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        # Without a password of ours it would be asked for at the terminal.
        context.load_cert_chain(tls.certificate, tls.key, password=lambda: "")
    except ssl.SSLError:
        raise DoorBlocked(
            f"{tls.certificate} and {tls.key} are no certificate with its key",
            hint="private_tls takes two files in PEM; the key is without a password",
        ) from None
    except OSError as error:
        why = (error.strerror or "it cannot").lower()
        raise DoorBlocked(f"{tls.certificate} or {tls.key} cannot be read: {why}") from None
    return context


def port_socket(place: Port) -> socket.socket:
    family = socket.AF_INET6 if ":" in place.host else socket.AF_INET
    # asyncio sends small answers without delay only where the protocol is named.
    made = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    with _in_our_words(str(place)), _closed_on_failure(made):
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind((place.host, place.port))
    return made


def unix_socket(path: Path) -> socket.socket:
    """For its owner only from its creation: made in a folder that nobody else can enter, then put in its place."""
    made = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    with _in_our_words(str(path)), _closed_on_failure(made):
        _check_free(path)
        with tempfile.TemporaryDirectory(prefix=".", dir=path.parent) as folder:
            aside = Path(folder) / "s"
            made.bind(str(aside))
            aside.chmod(0o600)
            made.listen(BACKLOG)
            aside.replace(path)
    return made


def _check_free(path: Path) -> None:
    """Raises DoorBlocked unless there is nothing, or a socket whose program is dead."""
    with closing(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)) as knocking, suppress(BlockingIOError):
        knocking.setblocking(False)
        try:
            knocking.connect(str(path))
        except FileNotFoundError:
            return
        except ConnectionRefusedError:
            if stat.S_ISSOCK(path.lstat().st_mode):
                return
            raise DoorBlocked(f"{path} is there already, and is no socket") from None
    raise DoorBlocked(f"another program listens at {path}")


@contextmanager
def _closed_on_failure(made: socket.socket) -> Iterator[None]:
    try:
        yield
    except BaseException:
        made.close()
        raise


@contextmanager
def _in_our_words(where: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        why = _WORDS.get(error.errno or 0) or (error.strerror or str(error)).lower()
        raise DoorBlocked(f"there is no listening at {where}: {why}") from None


_WORDS = {
    errno.EADDRINUSE: "another program listens there",
    errno.EADDRNOTAVAIL: "this machine has no such address",
    errno.EACCES: "this user may not",
    errno.ENOENT: "the folder does not exist",
    errno.EROFS: "the folder cannot be written",
}
