"""Redaction: no planted secret survives, no fact of the network is lost."""

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

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
    ObjectsSeen,
    Payload,
    ScanCancelled,
    ScanFinished,
    ScanRequested,
    ScanStarted,
    ScheduleDefined,
    ScheduleRemoved,
    Scope,
    SnapshotTaken,
)
from schemas.redaction import (
    MARKER,
    SECRET_ENDINGS,
    SECRET_WORDS,
    redact_bytes,
    redact_event,
    redact_json,
    redact_text,
)
from tests.recordings import RECORDINGS, needs_recordings

SECRET = "hunter2-Zq8"
SCOPE = Scope("ports", "network", "net-1")
PEM = f"-----BEGIN RSA PRIVATE KEY-----\nMIIE{SECRET}\nAAAA\n-----END RSA PRIVATE KEY-----"
OPENSSH = f"-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNz{SECRET}\n-----END OPENSSH PRIVATE KEY-----\n"

ODD_NAMES = [
    "password",
    "adminPass",
    "ADMIN_PASS",
    "Admin-Pass",
    "os-password",
    "OS_PASSWORD",
    "db_passwd",
    "sshPwd",
    "ssh_pwd",
    "rabbit_pass",
    "rabbitPass",
    "password_0",
    "X-Auth-Token",
    "x_auth_token",
    "_context_auth_token",
    "authToken",
    "AUTHTOKEN",
    "service_token",
    "tokens",
    "X-Subject-Token",
    "token_id",
    "auth_token_info",
    "client_secret",
    "Shared-Secret",
    "secret",
    "secret_key",
    "private_key",
    "privateKey",
    "PRIVATE-KEY",
    "ssh_private_key",
    "public_key",
    "user_data",
    "userData",
    "OS-EXT-SRV-ATTR:user_data",
    "personality",
    "injected_files",
    "Authorization",
    "psk",
    "ipsec_psk",
    "api_key",
    "fernet_keys",
    "passphrase",
]


KEPT: dict[str, Any] = {
    "key_name": "alice-laptop",
    "token_bucket": 100,
    "options": {"in_key": "flow", "out_key": "flow", "key": "101"},
    "port_security_enabled": True,
    "allowed_address_pairs": [{"ip_address": "10.0.0.9", "mac_address": "fa:16:3e:00:00:01"}],
    "bypass": "yes",
    "compass": "north",
    "pci_passthrough:alias": "gpu:1",
    "cookie": "0x506462a196984706",
    "config_drive": "True",
    "password_expires_at": "2027-01-01T00:00:00",
    "security_groups": [{"name": "secret"}, {"name": "web"}],
    "methods": ["password", "token"],
    "image_ref_url": "http://10.20.0.1:9292/images/e13fe69f@v2",
    "uri": "qemu+ssh://nova@compute-2/system",
    "catalog": [{"url": "http://10.0.0.1:5000/v3"}],
    "adminPass": None,
    "password": "",
    "has_password": True,
    "user_id": "b14dcb63f80048fabb2504d27929908a",
    "description": "ask for a passport at the desk",
}


def event_of(payload: Payload) -> Event:
    return Event("e-1", "zed", "scan", 1, None, payload)


def everything_of(event: Event) -> bytes:
    return repr(event).encode()


@pytest.mark.parametrize("name", ODD_NAMES)
@pytest.mark.parametrize("value", [SECRET, 4711, {"nested": [SECRET]}, [SECRET]], ids=type)
def test_a_secret_goes_whatever_the_spelling_of_its_name(name: str, value: object) -> None:
    redacted = json.dumps(redact_json({"server": [{name: value}]}))
    assert SECRET not in redacted
    assert "4711" not in redacted
    assert name in redacted


@pytest.mark.parametrize("words", [*SECRET_ENDINGS, *SECRET_WORDS])
@pytest.mark.parametrize("joint", ["", "_", "-", " ", ".", "::"])
def test_every_name_of_the_tables_is_found_in_documents_with_any_joint(words: str, joint: str) -> None:
    name = joint.join(words.split())
    for spelling in (name, name.upper(), name.title(), f"my_{name}"):
        document = canonical.encode({spelling: SECRET, "id": "p-1"})
        assert redact_bytes(document) == canonical.encode({spelling: MARKER, "id": "p-1"})


def test_facts_of_the_network_are_kept() -> None:
    assert redact_json(KEPT) == KEPT
    assert redact_json(KEPT) is not KEPT


def test_a_document_without_secrets_is_the_same_object() -> None:
    spaced = json.dumps(KEPT, indent=2).encode()
    canonic = canonical.encode(KEPT)
    assert redact_bytes(spaced) is spaced
    assert redact_bytes(canonic) is canonic
    event = event_of(ObjectsSeen("s", SCOPE, "port", "network", "n", ["p"], [canonic]))
    assert redact_event(event) is event


def test_a_changed_document_is_canonical() -> None:
    redacted = redact_bytes(b'{"zone": "b",  "password": "hunter2-Zq8", "a": 1.5}')
    assert redacted == b'{"a":1.5,"password":"<redacted>","zone":"b"}'


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("rabbit://nova:hunter2-Zq8@mq-1:5672,nova:hunter2-Zq8@mq-2:5672/", "rabbit://nova:***@mq-1:5672"),
        ("mysql+pymysql://nova:hunter2-Zq8@10.0.0.1/nova_cell1?charset=utf8", "10.0.0.1/nova_cell1?charset=utf8"),
        ("http://bob:p@ss/hunter2-Zq8#x@10.0.0.1:80/index", "http://bob:***@10.0.0.1:80/index"),
        ("redis://:hunter2-Zq8@10.0.0.1:6379", "@10.0.0.1:6379"),
        ("<graphics type='vnc' port='5900' passwd='hunter2-Zq8 &apos;x' listen='0'/>", "listen='0'"),
        ('<graphics type="spice" port="5901" passwd="hunter2-Zq8"/><x/>', 'port="5901"'),
        ("<auth><password encoding='x'>hunter2-Zq8</password><user>bob</user></auth>", "<user>bob</user>"),
        ("1234 neutron-rpc --os-password hunter2-Zq8 --os-username admin", "--os-username admin"),
        ("1234 agent --password=hunter2-Zq8, --host compute-1", "--host compute-1"),
        ("sshpass -p hunter2-Zq8 ssh root@compute-1", "ssh root@compute-1"),
        ("OS_PASSWORD=hunter2-Zq8 openstack server list", "openstack server list"),
        ("curl -H 'X-Auth-Token: hunter2-Zq8' http://10.0.0.1/v3", "http://10.0.0.1/v3"),
        ("GET /v3 Authorization: Basic hunter2-Zq8== Accept: text", "Accept: text"),
        ('body \'{"auth": {"password": "hunter2-Zq8"}}\' refused by compute-1', "refused by compute-1"),
        ('log {\\"adminPass\\": \\"hunter2-Zq8\\", \\"host\\": \\"compute-1\\"}', '\\"host\\": \\"compute-1\\"'),
        ("{'password': u'hunter2-Zq8', 'host': 'compute-1'}", "'host': 'compute-1'"),
        ("failed: password = hunter2-Zq8\nhost = compute-1", "host = compute-1"),
        (f"before {PEM} after", "before <redacted> after"),
        (f"cut short {OPENSSH[:60]}", "cut short <redacted>"),
        ("token gAAAAABrAt2HlnV72hunter2-Zq8WNRhrvTVIQ== of alice", "of alice"),
        ("bob:$6$salthunter2$hunter2Zq8hunter2Zq8hunter2-Zq8:19000:0", "bob:"),
        ("-drive file=rbd:vms/disk:id=cinder:key=AQhunter2Zq8hunter2Zq8hunter2Zq8hunter==:x", "id=cinder"),
        ('[{"user_data": {"a": "hunter2-Zq8"}, "id": "vm-1"}]', '"id":"vm-1"'),
    ],
)
def test_a_secret_in_text_goes_and_what_stands_around_it_stays(text: str, kept: str) -> None:
    redacted = redact_text(text)
    assert SECRET not in redacted
    assert "hunter2" not in redacted
    assert kept in redacted
    assert redact_text(redacted) == redacted


@pytest.mark.parametrize(
    "text",
    [
        " cookie=0x506462a196984706, duration=510.402s, table=0, in_port=3 actions=resubmit(,24)",
        "-vnc 0.0.0.0:0,password=on -device virtio-vga",
        '-object {"qom-type":"secret","id":"masterKey0","format":"raw","file":"/var/lib/libvirt/master-key.aes"}',
        'options: {df_default="true", in_key=flow, local_ip="10.0.0.1", out_key=flow}',
        "http://10.20.0.1:9292/images/a@b:1 and ssh://root@compute-1:22",
        "<secret type='ceph' uuid='457eb676-33da-42ec-9a8c-9293d545c337'/>",
        "Last login by alice: she passed by",
    ],
)
def test_ordinary_output_is_kept_as_it_is(text: str) -> None:
    assert redact_text(text) == text


def test_a_name_given_as_a_value_hides_the_value_beside_it() -> None:
    redacted = redact_json(
        {
            "headers": [["X-Auth-Token", SECRET], ["Accept", "json"]],
            "items": [{"key": "db_password", "value": SECRET}, {"name": "mtu", "value": "1450"}],
            "extra_dhcp_opts": [{"opt_name": "tftp-password", "opt_value": SECRET}],
        }
    )
    assert SECRET not in json.dumps(redacted)
    assert redacted["headers"][1] == ["Accept", "json"]
    assert redacted["items"][1]["value"] == "1450"


def test_the_id_of_a_token_goes_and_the_catalogue_of_an_answer_stays() -> None:
    answer = {"token": {"id": SECRET, "catalog": [{"id": "c-1"}], "user": {"id": "u-1"}}}
    assert redact_json(answer) == {"token": {**answer["token"], "id": MARKER}}


def test_the_catalogue_inside_a_context_goes_because_it_is_bulk() -> None:
    catalogue = [{"type": "image", "endpoints": [{"publicURL": "http://10.0.0.1:9292"}]}]
    message = {
        "_context_service_catalog": catalogue,
        "payload": {"_context": {"service_catalog": catalogue}, "service_catalog": catalogue},
    }
    assert redact_json(message) == {
        "_context_service_catalog": MARKER,
        "payload": {"_context": {"service_catalog": MARKER}, "service_catalog": catalogue},
    }


def test_references_to_secrets_stay_in_settings_only() -> None:
    settings_ = {"ssh": {"password": "env:SSH_PASSWORD", "private_key": "file:/etc/key"}, "api_key": SECRET}
    document = canonical.encode(settings_)
    defined = redact_event(event_of(EnvironmentDefined(document)))
    assert isinstance(defined.payload, EnvironmentDefined)
    kept = {**settings_, "api_key": MARKER}
    assert json.loads(defined.payload.settings) == kept
    assert json.loads(redact_bytes(document))["ssh"] == {"password": MARKER, "private_key": MARKER}


def _notification(message: dict[str, Any]) -> NotificationReceived:
    body = json.dumps({"oslo.version": "2.0", "oslo.message": json.dumps(message)}).encode()
    return NotificationReceived("m-1", "compute.instance.create.end", "compute.c1", "nova", "info", body)


UNVERSIONED: dict[str, Any] = {
    "_context_auth_token": SECRET,
    "_context_service_catalog": [{"endpoints": []}],
    "payload": {"instance_id": "vm-1", "admin_password": SECRET, "metadata": {"db_password": SECRET}},
}
VERSIONED: dict[str, Any] = {
    "payload": {
        "nova_object.data": {
            "uuid": "vm-1",
            "user_data": SECRET,
            "keypairs": [{"nova_object.data": {"name": "key", "public_key": f"ssh-rsa {SECRET}"}}],
            "cell": {"mq_connection": f"rabbit://a:{SECRET}@mq/", "db_connection": f"mysql://a:{SECRET}@db/x"},
            "_context": {"auth_token": f"gAAAA{SECRET * 3}", "service_token": SECRET},
        }
    }
}
XML = f"<domain><name>instance-1</name><graphics type='vnc' passwd='{SECRET}'/></domain>"
DEEP: Any = {"port": "p-1", "adminPass": SECRET}
for _ in range(40):
    DEEP = [{"inner": DEEP}]

SOURCES: list[tuple[Payload, str]] = [
    (_notification(UNVERSIONED), "vm-1"),
    (_notification(VERSIONED), "vm-1"),
    (_notification({"host": "c-1", "deep": json.dumps({"x": json.dumps({"password": SECRET})})}), "c-1"),
    (NotificationReceived("m", "e", "p", "x", "r", f"{{'adminPass': '{SECRET}', c-1".encode()), "c-1"),
    (NotificationReceived("m", "e", "p", "x", "r", b'\xff{"adminPass": "hunter2-Zq8", c-1'), "c-1"),
    (NotificationReceived("m", "c-1", "p", "x", "r", b'{"secret":"hunter2-Zq8","secret":null}'), "c-1"),
    (NotificationReceived("m", "c-1", "p", "x", "r", b'{"\\u0070assword":"hunter2-Zq8"}'), "c-1"),
    (NotificationReceived("m", "c-1", "p", "x", "r", b'{"u":"http:\\/\\/a:hunter2-Zq8@h"}'), "c-1"),
    (NotificationReceived("m", "c-1", "p", "x", "r", b'{"a":"\\ud800","pwd":"hunter2-Zq8"}'), "c-1"),
    (NotificationReceived("m", "c-1", "p", "x", "r", b'{"a":1' + b"0" * 30 + b',"pwd":"hunter2-Zq8"}'), "c-1"),
    (EnvironmentDefined(canonical.encode({"cloud": "zed", "ssh": {"password": SECRET}})), "zed"),
    (ScanStarted("s", "cloud:zed", canonical.encode({"db": f"mysql://n:{SECRET}@db/n"})), "cloud:zed"),
    (FetchFailed("s", SCOPE, "port", "c-1", "GET /v3", f"401: X-Auth-Token: {SECRET}"), "c-1"),
    (FetchFailed("s", SCOPE, "port", None, f"mysql --password={SECRET} nova", "refused"), "refused"),
    (AlertReceived("a", None, None, "c-1", "Error", f"login: password={SECRET}", b"{}"), "c-1"),
    (AlertReceived("a", None, None, f"http://u:{SECRET}@c-1", "OK", "", b"{}"), "c-1"),
    (AlertReceived("c-1", None, None, "x", "OK", "", canonical.encode({"a": {"token": SECRET}})), "c-1"),
    (SnapshotTaken("as-designed", 7, f"password={SECRET} was set"), "as-designed"),
    (EnvironmentRemoved(f"sold, password={SECRET}"), "sold"),
    (ConnectionTested(False, canonical.encode([{"target": "c-1", "text": f"http://u:{SECRET}@c-1"}])), "c-1"),
    (ListenerStateChanged("error", f"c-1: password={SECRET} was refused"), "c-1"),
    (ScanRequested("host", "c-1", f"password={SECRET} was set"), "c-1"),
    (
        ScheduleDefined("nightly", None, "daily", "UTC", None, None, None, None, None, f"password={SECRET} was set"),
        "nightly",
    ),
    (ScheduleRemoved("nightly", f"password={SECRET} was set"), "nightly"),
    (ScanCancelled("s-1", f"password={SECRET} was set"), "s-1"),
    *(
        (ObjectsSeen("s", SCOPE, "instance", "host", "c-1", ["a", "b"], [b"{}", canonical.encode(doc)]), kept)
        for doc, kept in [
            ({"name": "vm-1", "OS-EXT-SRV-ATTR:user_data": SECRET, "adminPass": SECRET}, "vm-1"),
            ({"name": "vm-1", "xml": XML}, "instance-1"),
            ({"name": "vm-1", "key": {"material": PEM}, "other": OPENSSH}, "vm-1"),
            ({"name": "vm-1", "ps": f"qemu -name g --token {SECRET}\nqemu -name h"}, "-name h"),
            ({f"password={SECRET}": "vm-1"}, "vm-1"),
            (DEEP[0], "p-1"),
        ]
    ),
]


@pytest.mark.parametrize(("payload", "kept"), SOURCES)
def test_a_secret_planted_in_any_source_does_not_survive(payload: Payload, kept: str) -> None:
    event = event_of(payload)
    assert b"hunter2" in everything_of(event)
    redacted = redact_event(event)
    assert b"hunter2" not in everything_of(redacted)
    assert kept.encode() in everything_of(redacted)
    assert replace(redacted, payload=event.payload) == event
    assert redact_event(redacted) is redacted


def test_an_event_that_holds_no_text_is_the_same_object() -> None:
    event = event_of(ScanFinished("s", "completed", [SCOPE]))
    assert redact_event(event) is event


@pytest.mark.parametrize("levels", [150, 900, 100_000])
def test_what_is_nested_too_deeply_to_be_looked_through_is_hidden(levels: int) -> None:
    body = b"[" * levels + b'{"user_data":{"a":"hunter2-Zq8"}}' + b"]" * levels
    assert b"hunter2" not in redact_bytes(body)


names = st.one_of(st.text(max_size=8), st.sampled_from([*ODD_NAMES, "headers", "name", "value", "token", "id"]))
texts = st.one_of(
    st.text(max_size=20),
    st.sampled_from([PEM, OPENSSH, "password=a b", "--token x", "a://b:c@d", "<pwd>x</pwd>", '{"secret":"s"}']),
    st.text(alphabet="ab:=@/,'\"\\<>{}[] \n-?$.", max_size=30).map(lambda text: f"password{text}"),
    st.text(alphabet="ab:=@/,'\"<> -1", max_size=30).map(lambda text: f"a://{text}"),
)
leaves = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False), texts)
values = st.recursive(
    leaves, lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(names, inner, max_size=4))
)


@given(values)
@settings(max_examples=400, deadline=None)
def test_redaction_of_json_is_idempotent(value: Any) -> None:
    once = redact_json(value)
    assert redact_json(once) == once


@given(texts)
@settings(max_examples=400, deadline=None)
def test_redaction_of_text_is_idempotent(text: str) -> None:
    once = redact_text(text)
    assert redact_text(once) == once


@given(values)
@settings(max_examples=400, deadline=None)
def test_bytes_and_values_are_redacted_alike(value: Any) -> None:
    """The quick look at the bytes never spares a document that the rule would change."""
    document = json.dumps(value).encode()
    redacted = redact_json(value)
    if redacted == value:
        assert redact_bytes(document) is document
    else:
        assert json.loads(redact_bytes(document)) == redacted


@given(values, st.sampled_from(ODD_NAMES), st.lists(st.sampled_from(["a", "b", 0, "text"]), max_size=8))
@settings(deadline=None)
def test_a_secret_at_any_depth_goes(beside: Any, name: str, path: list[str | int]) -> None:
    value: Any = {name: SECRET, "beside": beside}
    for step in path:
        if step == "text":
            value = {"oslo.message": json.dumps(value)}
        else:
            value = [value, beside] if step == 0 else {step: value, "beside": beside}
    document = json.dumps(value).encode()
    assert SECRET.encode() not in redact_bytes(document)


@given(st.binary(max_size=60))
@settings(deadline=None)
def test_no_bytes_make_redaction_fail(data: bytes) -> None:
    assert isinstance(redact_bytes(data), bytes)
    assert isinstance(redact_bytes(b'{"password":"' + data + b'"}'), bytes)


def _bodies() -> list[dict[str, Any]]:
    lines = (RECORDINGS / "zed-ovs" / "monday-to-tuesday.jsonl").read_text().splitlines()
    return [json.loads(line)["body"] for line in lines]


def _without_bulk(value: Any) -> Any:
    """The value without what may go: tokens, public keys and the catalogue of the context."""
    may_go = {"auth_token", "_context_auth_token", "service_catalog", "_context_service_catalog", "public_key"}
    if isinstance(value, dict):
        return {name: _without_bulk(item) for name, item in value.items() if name not in may_go}
    return [_without_bulk(item) for item in value] if isinstance(value, list) else value


@needs_recordings
def test_notifications_of_a_real_cloud_lose_their_tokens_and_nothing_else() -> None:
    bodies = _bodies()
    raw = json.dumps(bodies)
    redacted = [json.loads(redact_bytes(json.dumps(body).encode())) for body in bodies]
    assert len(redacted) == 119
    assert "gAAAA" in raw
    assert "gAAAA" not in json.dumps(redacted)
    for before, after in zip(bodies, redacted, strict=True):
        messages = json.loads(before["oslo.message"]), json.loads(after["oslo.message"])
        assert _without_bulk(messages[0]) == _without_bulk(messages[1])


@needs_recordings
@pytest.mark.parametrize("bundle", ["monday", "tuesday"])
def test_a_bundle_of_a_real_cloud_without_secrets_is_kept_as_it_is(bundle: str) -> None:
    for path in sorted((RECORDINGS / "zed-ovs" / bundle).rglob("*.*")):
        text = path.read_text(errors="surrogateescape")
        assert redact_text(text) == text, path.name
