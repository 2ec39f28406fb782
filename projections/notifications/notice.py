"""A notice: what notifications last said of an object, so that an older word is known as such.

What tells old from new, the surest first:

1. the id of what is deleted is never given again: nothing that was told before or comes later brings it back;
2. `revision_number`, which Neutron counts up with each write of a resource;
3. `updated_at`, which Nova writes with each change of an instance (versioned notifications), and Neutron where it
   has no revision; equal stamps are in order of arrival, for they are of whole seconds;
4. the time of sending: of one publisher exactly, between publishers to a minute, for clocks differ. Inside that
   minute the order of arrival decides: the log has one order, and the bus keeps that of each queue.
"""

from typing import NamedTuple

from schemas.canonical import Document, decode_document, encode

CLOCKS_AGREE = 60_000_000
"""Clocks in a cloud are trusted to agree to so many microseconds."""


class Stamp(NamedTuple):
    """What a notification says about how new it is."""

    at: int
    """When it was sent, microseconds since 1970-01-01 UTC."""
    publisher: str
    revision: int | None = None
    changed_at: str | None = None
    """ISO 8601 in UTC, always in one form for one kind of object."""


class Notice(NamedTuple):
    """What was said last of one object."""

    offset: int
    """Of the notification that said it."""
    stamp: Stamp | None
    """None: it followed from what was said of another object, and so cannot make a word of its own late."""
    gone: bool = False
    followed: bool = False
    """It was changed last because of what was said of another object."""

    def makes_late(self, stamp: Stamp, *, revives: bool = False) -> bool:
        """Answer whether a word with such a stamp is older than this one; what is gone stays so unless it `revives`."""
        mine = self.stamp
        if self.gone and not revives:
            return True
        if mine is None:
            return False
        if mine.revision is not None and stamp.revision is not None:
            return stamp.revision < mine.revision
        if mine.changed_at and stamp.changed_at and mine.changed_at != stamp.changed_at:
            return stamp.changed_at < mine.changed_at
        tolerated = 0 if stamp.publisher == mine.publisher else CLOCKS_AGREE
        return stamp.at < mine.at - tolerated

    def followed_by(self, later: "Notice") -> "Notice":
        """Answer the notice after a later word: what that leaves open (a revision) stays known."""
        mine, its = self.stamp, later.stamp
        if mine is None or its is None:
            return later._replace(stamp=its or mine)
        newer = its if its.at >= mine.at else mine
        revision = mine.revision if its.revision is None else its.revision
        return later._replace(stamp=Stamp(newer.at, newer.publisher, revision, its.changed_at or mine.changed_at))

    def outdates(self, document: Document) -> bool:
        """Answer whether a scan that began before this notice, and wrote the document after it, may have looked before.

        It did not if the document is as new as the notice by the object's own count or stamp.
        """
        if self.gone or self.followed or self.stamp is None:
            return True
        revision, changed_at = document.get("revision_number"), document.get("updated")
        if self.stamp.revision is not None and isinstance(revision, int):
            return revision < self.stamp.revision
        if self.stamp.changed_at and isinstance(changed_at, str):
            return changed_at < self.stamp.changed_at
        return True

    @property
    def value(self) -> bytes:
        """Answer the notice as it is kept: canonical JSON."""
        stamp = None if self.stamp is None else list(self.stamp)
        return encode({"offset": self.offset, "stamp": stamp, "gone": self.gone, "followed": self.followed})


def notice_of(value: bytes) -> Notice:
    """Answer a kept notice."""
    kept = decode_document(value)
    stamp = None if kept["stamp"] is None else Stamp(*kept["stamp"])
    return Notice(kept["offset"], stamp, kept["gone"], kept["followed"])
