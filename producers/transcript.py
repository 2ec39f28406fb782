"""The file of one command of a bundle: `$ COMMAND`, then what it printed, then `# exit CODE`.

Output that does not end a line is followed by `# exit CODE` on that same line, as a shell would write it, so
that the output can be had back byte for byte.
"""

import re

from producers.access import Answer
from schemas.errors import BadBundle

_LAST = re.compile(rb"# exit (-?\d{1,10})\n?\Z")


def write_transcript(answer: Answer) -> bytes:
    """Answer the bytes of the file; NUL characters, which no text has, become U+FFFD."""
    text = answer.text.replace("\0", "\ufffd")
    return f"$ {answer.command}\n{text}# exit {answer.exit_code}\n".encode(errors="replace")


def read_transcript(host: str, data: bytes) -> Answer:
    """Answer what a file holds; bytes of the output that are not UTF-8 become U+FFFD.

    Raises BadBundle with the reason only (the caller names the file).
    """
    if b"\0" in data:
        raise BadBundle("a binary file, where the text of a command was expected")
    first, newline, rest = data.partition(b"\n")
    if not newline or not first.startswith(b"$ "):
        raise BadBundle("the first line is not '$ COMMAND'")
    last = _LAST.search(rest)
    if last is None:
        raise BadBundle("the last line is not '# exit CODE' (a truncated file?)")
    text = rest[: last.start()].decode(errors="replace")
    return Answer(host, _command(first), text, int(last.group(1)))


def _command(first: bytes) -> str:
    try:
        return first[2:].decode()
    except UnicodeDecodeError as error:
        raise BadBundle("the first line is not UTF-8") from error
