"""What can go wrong for a program that wants a token. The text of each is a sentence for a person, without secrets."""


class Error(Exception):
    """Any failure of this package."""


class NoLiveToken(Error):
    """The account has no token that the broker would take now."""


class StoreUnreadable(Error):
    """The store cannot be read: damaged, sealed with another key, too new, or closed to this user."""


class NoKey(StoreUnreadable):
    """There is no key where it should be."""


class Damaged(StoreUnreadable):
    """A file is not what was written."""
