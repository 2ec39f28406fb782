"""Every error that Calipso raises on purpose.

CalipsoError
├── BadInput              what was handed in cannot be used: names what and where
│   ├── BadSchema         a schema or a payload breaks its contract
│   ├── BadPlan           an entry of the scan plan is wrong
│   ├── BadBundle         a folder of recorded answers cannot be read
│   ├── BadSettings       an environment's description or a setting is wrong
│   ├── BadPlugin         what another distribution adds cannot be used
│   ├── BadAlert          an alert of an outside monitor breaks its contract
│   └── BadMoment         a moment that cannot be understood
├── NotFound              asked for something that does not exist at that moment
├── Conflict              what was asked for collides with what is there or is running
│   └── Stopped           what was running was told to stop, and did
├── CouldNotLook          a source gave no usable answer: never to be read as "nothing there"
│   ├── HostUnreachable   no SSH session to a host
│   ├── BusUnreachable    no connection to the cloud's message bus, or it was lost
│   ├── CommandFailed     a command on a host ended badly or timed out
│   ├── RequestFailed     an API request was refused, failed, or is not in the bundle
│   └── DatabaseFailed    a question to a database was refused, failed, or is not in the bundle
├── LogError              the event log cannot be read or written
│   ├── LogCorrupt        what is stored is not what was written
│   ├── LogTooNew         the log was written by a newer Calipso
│   └── LogFull           no space is left where the log lives
└── HistoryError          the history cannot be read or written, or is not what the log says
"""


class CalipsoError(Exception):
    """The root: its text is one line that names what went wrong and where."""


class BadInput(CalipsoError):
    """What was handed in cannot be used."""


class BadSchema(BadInput):
    """A schema or a payload breaks its contract."""


class BadPlan(BadInput):
    """An entry of the scan plan is wrong."""


class BadBundle(BadInput):
    """A folder of recorded answers cannot be read."""


class BadSettings(BadInput):
    """An environment's description or a setting is wrong."""


class BadPlugin(BadInput):
    """What another distribution adds cannot be used."""


class BadAlert(BadInput):
    """An alert of an outside monitor breaks its contract."""


class BadMoment(BadInput):
    """A moment that cannot be understood."""


class NotFound(CalipsoError):
    """Asked for something that does not exist at that moment."""


class Conflict(CalipsoError):
    """What was asked for collides with what is there or is running."""


class Stopped(Conflict):
    """What was running was told to stop, and did."""


class CouldNotLook(CalipsoError):
    """A source gave no usable answer; absence must not be concluded from it."""


class HostUnreachable(CouldNotLook):
    """No SSH session to a host."""


class BusUnreachable(CouldNotLook):
    """No connection to the cloud's message bus, or it was lost."""


class CommandFailed(CouldNotLook):
    """A command on a host ended badly or timed out."""


class RequestFailed(CouldNotLook):
    """An API request was refused, failed, or is not in the bundle."""


class DatabaseFailed(CouldNotLook):
    """A question to a database was refused, failed, or is not in the bundle."""


class LogError(CalipsoError):
    """The event log cannot be read or written."""


class LogCorrupt(LogError):
    """What is stored is not what was written."""


class LogTooNew(LogError):
    """The log was written by a newer Calipso."""


class LogFull(LogError):
    """No space is left where the log lives."""


class HistoryError(CalipsoError):
    """The history cannot be read or written, or is not what the log says."""
