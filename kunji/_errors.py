"""What can go wrong for a program that wants a token. The text of each is a sentence for a person, without secrets."""


class Error(Exception):
    """Any failure of this package."""


class NoLiveToken(Error):
    """The account has no token that the broker would take now."""


class UnknownAccount(NoLiveToken):
    """There is no such account: neither a token nor a config file, although there are files of others; or there is
    nothing at all where it was looked for."""


class ClientMissing(Error):
    """The broker's official client is not installed here."""


class SetTwice(Error):
    """Two accounts have different values for the same variable."""


class StoreUnreadable(Error):
    """The store cannot be read: damaged, sealed with another key, too new, or closed to this user."""


class StoreAway(StoreUnreadable):
    """The server on which the store lies does not answer now."""


class NoKey(StoreUnreadable):
    """There is no key where it should be."""


class Damaged(StoreUnreadable):
    """A file is not what was written."""
