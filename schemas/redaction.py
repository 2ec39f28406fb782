"""Redaction: secrets leave what was fetched or received before it reaches the log, which never forgets.

The rule is data: names whose values are secrets, and texts that are secrets wherever they stand. Nulls,
booleans and empty values stay (they say that there was nothing). Redaction is idempotent and never fails:
what is not JSON is treated as text.
"""

import json
import re
from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache
from typing import Any, assert_never

from schemas import canonical
from schemas.events import (
    AlertReceived,
    ConnectionTested,
    EnvironmentDefined,
    EnvironmentRemoved,
    Event,
    FetchFailed,
    ListenerStateChanged,
    NotificationReceived,
    ObjectMissed,
    ObjectsSeen,
    Payload,
    ScanCancelled,
    ScanFinished,
    ScanRequested,
    ScanStarted,
    ScheduleDefined,
    ScheduleRemoved,
    SnapshotTaken,
)

MARKER = "<redacted>"
"""What stands where a secret stood; in a URL it is `***`."""

SECRET_ENDINGS: dict[str, str] = {
    "pass word": "password, admin_password, ssh_password, libvirt and database settings",
    "passwd": "passwd of libvirt's graphics, DB_PASSWD",
    "pass phrase": "of a private key",
    "admin pass": "adminPass: nova answers it once, when a server is created or rebuilt",
    "pass word hash": "can be guessed offline",
    "token": "auth_token, X-Auth-Token, X-Subject-Token, service_token, _context_auth_token, console tokens",
    "token id": "keystone's own name of it",
    "token info": "keystonemiddleware puts the whole token there",
    "secret": "client_secret, shared_secret, metadata_proxy_shared_secret, EC2 secret",
    "secret key": "S3 and EC2",
    "private key": "nova answers it once, when a key pair is created",
    "public key": "not a secret, but nothing of the network and it names a person",
    "api key": "of services beside OpenStack",
    "access key": "S3 and EC2",
    "auth key": "routing protocols, Ceph",
    "ssh key": "of a host",
    "encryption key": "of a volume",
    "fernet key": "keystone's",
    "user data": "cloud-init: the usual place of passwords of virtual machines",
    "personality": "files injected into a server, old name",
    "injected files": "files injected into a server",
    "authorization": "header of HTTP: Basic and Bearer",
    "set cookie": "header of HTTP, as good as a token; the cookie of a flow is a network fact",
    "context service catalog": "no secret, but bulk: every endpoint of the cloud in every notification",
}
"""A name that ends so has a secret as its value; the words may be joined by anything but letters and digits."""

SECRET_WORDS: dict[str, str] = {
    "pass": "rabbitmq_pass, rabbitPass; bypass and compass are other words",
    "pwd": "the original Calipso's name for a password",
    "psk": "pre-shared key of IPsec: VPN as a service, OVS tunnels",
}
"""As above, but only as a word of its own."""

SECRET_INSIDE: dict[str, tuple[str, ...]] = {
    "token": ("id",),  # {"token": {"id": ...}} of keystone
    "context": ("service_catalog",),  # bulk, as above; the versioned notifications nest the context
    "_context": ("service_catalog",),
    "_enginefacade_context": ("service_catalog",),
}
"""Names that are secrets (or bulk) only directly inside an object of such a name."""

TOKEN_FACTS = ("expires_at", "expires", "catalog", "methods")
"""Of these an object named `token` has one when it describes a token; any other is hidden whole."""

NAMED_VALUES: dict[str, str] = {"name": "value", "key": "value", "opt_name": "opt_value"}
"""Pairs spelled as an object: the first says the name, the second holds the value."""

DEEPEST = 100
"""Levels of nesting that are looked through; no real document is deeper, and what is gives way to the marker."""

SECRET_TEXTS: dict[str, str] = {
    r"-----BEGIN [A-Z0-9 ]*(?:PRIVATE KEY|ENCRYPTED)[A-Z0-9 ]*-----.*?(?:-----END [A-Z0-9 ]*-----|\Z)": (
        "PEM and OpenSSH private keys, also cut short"
    ),
    r"gAAAA[\w-]{16,}=*": "Fernet: keystone's tokens and what oslo encrypts",
    r"eyJ[\w-]{8,}\.eyJ[\w-]{8,}\.[\w-]+": "JWT: keystone's JWS tokens",
    r"AQ[A-Za-z0-9+/]{36}==": "a key of Ceph, as in qemu's rbd arguments",
    r"\$(?:1|2[aby]|5|6|y|gy|7)\$[./A-Za-z0-9$=,]{16,}": "crypt: lines of /etc/shadow",
}
"""Texts that are secrets wherever they stand, whatever their name."""


def _spelled(words: str) -> str:
    return r"[ -/:-@\[-`{-~]*".join(words.split())  # ASCII that JSON writes without letters


def _any_of(patterns: list[str]) -> str:
    return "(?:" + "|".join(patterns) + ")"


_ENDINGS = _any_of([_spelled(words) for words in sorted(SECRET_ENDINGS, key=len, reverse=True)])
_WORDS = _any_of(list(SECRET_WORDS))
_BOUNDARY = r"(?:(?<![A-Za-z])|(?<=[a-z])(?=[A-Z]))"
_NAME = rf"(?:(?i:{_ENDINGS})|{_BOUNDARY}(?i:{_WORDS}))[sS]?(?:[_-]?[0-9]+)?"
_SECRET_NAME = re.compile(rf"{_NAME}\Z", re.ASCII)
_REFERENCE = re.compile(r"(?:env|file):\S+\Z")

_URL = re.compile(r"""(?i:\b[a-z][a-z0-9+.-]*://)[^\s"'<>`\\]*@""", re.ASCII)
_LOGIN = re.compile(r"(://|,)([^:@/,?#\[]*):(?!\d{1,5}[/?#])(.+?)@(?=[^@]*?(?:,[^:@/,]*:|\Z))")

_SWITCHES = r"(?:on|off|yes|no|true|false|null|none)(?=[\s,;\"')}\]]|\Z)"
_ASSIGNMENT = re.compile(
    rf"""({_NAME}\\*["']?\s*[:=]\s*(?:(?i:basic|bearer|digest)\s+)?)"""  # name and sign
    rf"""(?:[ub]?(\\*["'])(?!\2)(?:.+?)(?:\2|\Z)|(?!(?i:{_SWITCHES}))[^\s"'\\]\S*?(?=["'\\)}}\],;]*(?:\s|\Z)))""",
    re.ASCII | re.DOTALL,
)
_OPTION = re.compile(rf"(?<!\S)(--?[\w-]*?{_NAME}\s+|sshpass\s+-p\s*)(?!-)(\S+)", re.ASCII)
_ELEMENT = re.compile(rf"(<[\w:.-]*?{_NAME}(?:\s[^<>]*)?>)([^<>]+)(?=</)", re.ASCII)
_TEXTS = re.compile(_any_of(list(SECRET_TEXTS)), re.ASCII | re.DOTALL)

_HINTS = (b"-----begin", b"gaaaa", b"eyj", b"==", b"$", b"service_catalog", b"\\u00", b"\\/")
"""What each of SECRET_TEXTS, SECRET_INSIDE and a needlessly escaped character holds, in lower case."""


def _suspicions() -> tuple[tuple[bytes, tuple[re.Pattern[bytes], ...]], ...]:
    """Answer (literal, patterns of which one must then match); literals are far cheaper to look for."""
    single = [words for words in (*SECRET_ENDINGS, *SECRET_WORDS) if " " not in words]
    literals = [word for word in single if not any(other != word and other in word for other in single)]
    needed: dict[bytes, list[str]] = {word.encode(): [""] for word in literals}
    needed |= {hint: [""] for hint in _HINTS} | {b"@": [r"://[^\s\"']*@"]}
    for words in SECRET_ENDINGS:
        if not any(word in words for word in literals):
            needed.setdefault(words.split()[-1].encode(), []).append(_spelled(words))
    return tuple((word, tuple(re.compile(p.encode()) for p in found)) for word, found in needed.items())


_SUSPICIONS = _suspicions()


def _is_suspicious(data: bytes) -> bool:
    """Whether there may be a secret: never False where redaction would change something."""
    low = data.lower()
    return any(word in low and any(p.search(low) for p in patterns) for word, patterns in _SUSPICIONS)


def redact_json(value: Any) -> Any:  # noqa: ANN401 - JSON is any of six shapes
    """Answer the JSON value without its secrets, as a new value; JSON inside texts is redacted too."""
    return _walk(value, "", 0, references=False)


def redact_text(text: str) -> str:
    """Answer a command's output, a log line or a message without its secrets; JSON stays JSON."""
    if text.lstrip()[:1] in ("{", "["):
        return _json_text(text, references=False)
    return _plain_text(text)


def redact_event(event: Event) -> Event:
    """Answer the event without its secrets; the same object if there were none."""
    payload = _redact_payload(event.payload)
    return event if payload == event.payload else replace(event, payload=payload)


def redact_bytes(data: bytes) -> bytes:
    """Answer the JSON (or text) without its secrets: canonical JSON, or the same object if it had none."""
    return _redact_bytes(data, references=False)


def _redact_payload(payload: Payload) -> Payload:  # noqa: C901 - one case an event
    match payload:
        case ObjectsSeen():
            return replace(payload, documents=_redact_documents(payload.documents))
        case NotificationReceived():
            return replace(payload, body=redact_bytes(payload.body))
        case AlertReceived():
            return replace(
                payload,
                check=redact_text(payload.check),
                text=redact_text(payload.text),
                details=redact_bytes(payload.details),
            )
        case EnvironmentDefined() | ScanStarted():
            return replace(payload, settings=_redact_bytes(payload.settings, references=True))
        case FetchFailed():
            return replace(payload, request=redact_text(payload.request), reason=redact_text(payload.reason))
        case SnapshotTaken() | EnvironmentRemoved() | ScheduleDefined() | ScheduleRemoved():
            return replace(payload, note=redact_text(payload.note))
        case ConnectionTested():
            return replace(payload, results=redact_bytes(payload.results))
        case ListenerStateChanged():
            return replace(payload, cause=redact_text(payload.cause))
        case ScanRequested() | ScanCancelled():
            return replace(payload, reason=redact_text(payload.reason))
        case ScanFinished() | ObjectMissed():
            return payload
        case _:
            assert_never(payload)


def _redact_documents(documents: list[bytes]) -> list[bytes]:
    if not _is_suspicious(b"\n".join(documents)):
        return documents
    return [redact_bytes(document) for document in documents]


def _redact_bytes(data: bytes, *, references: bool) -> bytes:
    if not _is_suspicious(data):
        return data
    text = data.decode("utf-8", "surrogateescape")
    redacted = _json_text(text, references=references)
    return data if redacted is text else redacted.encode("utf-8", "surrogateescape")


def _json_text(text: str, *, references: bool) -> str:
    repeated: list[str] = []
    try:
        value = json.loads(text, object_pairs_hook=_noting_repeats(repeated))
    except ValueError:
        return _plain_text(text)
    except RecursionError:
        return f'"{MARKER}"'
    redacted = _walk(value, "", 0, references=references)
    return text if redacted == value and not repeated else _encoded(redacted)


def _noting_repeats(repeated: list[str]) -> Callable[[list[tuple[str, Any]]], dict[str, Any]]:
    """A repeated name hides its first value from whoever decodes, not from whoever reads the text."""

    def as_object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) != len(pairs):
            repeated.extend(name for name, _ in pairs)
        return found

    return as_object


def _encoded(value: object) -> str:
    try:
        return canonical.encode(value).decode()
    except (UnicodeError, OverflowError):  # lone surrogates and integers beyond 64 bits stay as they were
        return json.dumps(value, sort_keys=True, separators=(",", ":"))


def _walk(value: Any, parent: str, depth: int, *, references: bool) -> Any:  # noqa: ANN401 - JSON is any of six shapes
    if depth > DEEPEST:
        return MARKER
    if isinstance(value, str):
        return _text_value(value, references=references)
    if isinstance(value, dict):
        return _object(value, parent, depth, references=references)
    if isinstance(value, list):
        if _is_secret_header(value, parent):
            return [value[0], _hidden(value[1], references=references)]
        return [_walk(item, parent, depth + 1, references=references) for item in value]
    return value


def _text_value(value: str, *, references: bool) -> str:
    if value.lstrip()[:1] in ("{", "["):
        return _json_text(value, references=references)
    return _plain_text(value)


def _object(value: dict[str, Any], parent: str, depth: int, *, references: bool) -> dict[str, Any]:
    named = _named_value(value)
    answer = {}
    for name, item in value.items():
        if name == named or (_is_secret(name, parent) and not _is_token_document(name, item)):
            answer[name] = _hidden(item, references=references)
        else:
            answer[_plain_text(name)] = _walk(item, name.lower(), depth + 1, references=references)
    return answer


def _is_secret_header(value: list[Any], parent: str) -> bool:
    return parent == "headers" and len(value) == 2 and isinstance(value[0], str) and _is_secret_name(value[0])


def _named_value(value: dict[str, Any]) -> str | None:
    for name, holder in NAMED_VALUES.items():
        if holder in value and isinstance(value.get(name), str) and _is_secret_name(value[name]):
            return holder
    return None


def _is_secret(name: str, parent: str) -> bool:
    return name.lower() in SECRET_INSIDE.get(parent, ()) or _is_secret_name(name)


@lru_cache(maxsize=4096)
def _is_secret_name(name: str) -> bool:
    return _SECRET_NAME.search(name) is not None


def _is_token_document(name: str, value: object) -> bool:
    """Keystone describes a token under the token's own name; but for its id, that is no secret."""
    return name.lower() == "token" and isinstance(value, dict) and not value.keys().isdisjoint(TOKEN_FACTS)


def _hidden(value: object, *, references: bool) -> object:
    if value is None or isinstance(value, bool) or value in ("", [], {}):
        return value
    if references and isinstance(value, str) and _REFERENCE.match(value):
        return value
    return MARKER


def _plain_text(text: str) -> str:
    if not _is_suspicious(text.encode("utf-8", "surrogatepass")):
        return text
    text = _TEXTS.sub(MARKER, text)
    if "@" in text:
        text = _URL.sub(_without_login, text)
    text = _ASSIGNMENT.sub(_assigned, text)
    text = _OPTION.sub(rf"\1{MARKER}", text)
    return _ELEMENT.sub(rf"\1{MARKER}", text)


def _without_login(match: re.Match[str]) -> str:
    return _LOGIN.sub(r"\1\2:***@", match[0])


def _assigned(match: re.Match[str]) -> str:
    quote = match[2] or ""
    return f"{match[1]}{quote}{MARKER}{quote}"
