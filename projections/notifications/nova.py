"""What Nova tells of an instance, written as a scan writes what its API answers.

Versioned notifications say more; those without version, which older clouds send alone, lack the power state, the
locks and most of the flavor.
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from projections.notifications.addresses import Fixed
from projections.notifications.resources import text
from schemas.canonical import Document

_POWER = {"pending": 0, "running": 1, "paused": 3, "shutdown": 4, "crashed": 6, "suspended": 7}
"""Nova's power states: by name in versioned notifications, by number in the API."""

_POWER_OF = {"active": 1, "paused": 3, "stopped": 4}
"""The power state that goes with a state of an instance at rest, where none is told."""

_STATUS = {
    "active": "ACTIVE",
    "building": "BUILD",
    "paused": "PAUSED",
    "suspended": "SUSPENDED",
    "stopped": "SHUTOFF",
    "rescued": "RESCUE",
    "resized": "VERIFY_RESIZE",
    "soft-delete": "SOFT_DELETED",
    "deleted": "DELETED",
    "error": "ERROR",
    "shelved": "SHELVED",
    "shelved_offloaded": "SHELVED_OFFLOADED",
}
"""The status that the API makes of a state, while no task of `_UNDER_WAY` is."""

_REBUILD = dict.fromkeys(("rebuilding", "rebuild_block_device_mapping", "rebuild_spawning"), "REBUILD")
_RESIZE = dict.fromkeys(("resize_prep", "resize_migrating", "resize_migrated", "resize_finish"), "RESIZE")
_REBOOT = dict.fromkeys(("rebooting", "reboot_pending", "reboot_started"), "REBOOT")
_HARD_REBOOT = dict.fromkeys(("rebooting_hard", "reboot_pending_hard", "reboot_started_hard"), "HARD_REBOOT")
_UNDER_WAY: dict[str, dict[str, str]] = {
    "active": {
        **_REBUILD,
        **_RESIZE,
        **_REBOOT,
        **_HARD_REBOOT,
        "updating_password": "PASSWORD",
        "migrating": "MIGRATING",
    },
    "stopped": {**_REBUILD, **_RESIZE, **_HARD_REBOOT},
    "paused": {**_HARD_REBOOT, "migrating": "MIGRATING"},
    "suspended": _HARD_REBOOT,
    "rescued": _HARD_REBOOT,
    "error": {**_REBUILD, **_HARD_REBOOT},
    "resized": {"resize_reverting": "REVERT_RESIZE"},
}
"""The status that the API makes of a state with a task."""

FAULTY = ("ERROR", "DELETED")
"""The API shows the fault of an instance only with these."""


def is_versioned(payload: Document) -> bool:
    """Answer whether a payload is one of Nova's versioned objects."""
    return "uuid" in payload


def instance_id(payload: Document) -> str:
    """Answer the id of the instance that a payload is about."""
    return text(payload["uuid"] if is_versioned(payload) else payload["instance_id"])


def told_of_instance(payload: Document, known: Document) -> Document:
    """Answer the attributes that a payload tells of an instance, of which `known` are known."""
    said = _versioned(payload) if is_versioned(payload) else _unversioned(payload)
    said |= {
        "name": payload.get("display_name") or instance_id(payload),
        "project_id": payload["tenant_id"],
        "user_id": payload.get("user_id"),
        "host": payload["host"] or None,
        "hypervisor_hostname": payload.get("node") or None,
        "zone": payload.get("availability_zone") or None,
        "vm_state": payload["state"],
        "status": _status(payload["state"], said["task_state"]),
        "created": _stamp(payload["created_at"], "%Y-%m-%dT%H:%M:%SZ"),
        "launched_at": _stamp(payload.get("launched_at"), "%Y-%m-%dT%H:%M:%S.000000"),
        "terminated_at": _stamp(payload.get("terminated_at"), "%Y-%m-%dT%H:%M:%S.000000"),
    }
    flavor = _flavor(payload)
    same = (known.get("flavor") or {}).get("name") == flavor["name"]
    said["flavor"] = {**known["flavor"], **flavor} if same else flavor
    if isinstance(payload.get("metadata"), dict):
        said["metadata"] = payload["metadata"]
    return said


def _versioned(payload: Document) -> Document:
    said: Document = {
        "hostname": payload.get("host_name"),
        "task_state": payload.get("task_state") or None,
        "image_id": payload.get("image_uuid") or None,
        "description": payload.get("display_description"),
        "key_name": payload.get("key_name"),
        "locked": payload.get("locked", False),
    }
    if payload.get("power_state") in _POWER:
        said["power_state"] = _POWER[payload["power_state"]]
    if "instance_name" in payload:
        said["local_name"] = payload["instance_name"]
    if isinstance(payload.get("tags"), list):
        said["tags"] = sorted(payload["tags"])
    return said


def _unversioned(payload: Document) -> Document:
    task = payload.get("state_description") or None
    image = str(payload.get("image_ref_url") or "").rpartition("/images/")[2]
    said: Document = {"hostname": payload.get("hostname"), "task_state": task, "image_id": image or None}
    if task is None and payload["state"] in _POWER_OF:
        said["power_state"] = _POWER_OF[payload["state"]]
    return said


def _flavor(payload: Document) -> Document:
    flavor = payload.get("flavor")
    if flavor is None:
        sizes = {"vcpus": payload["vcpus"], "ram": payload["memory_mb"], "disk": payload["root_gb"]}
        return {**sizes, "ephemeral": payload["ephemeral_gb"], "name": payload["instance_type"]}
    sizes = {"vcpus": flavor["vcpus"], "ram": flavor["memory_mb"], "disk": flavor["root_gb"], "swap": flavor["swap"]}
    more = {"ephemeral": flavor["ephemeral_gb"], "extra_specs": flavor.get("extra_specs") or {}}
    return {**sizes, **more, "name": flavor["name"]}


def fixed_addresses(payload: Document) -> list[Fixed] | None:
    """Answer the fixed addresses that a payload tells; None if it says nothing of them."""
    if is_versioned(payload):
        return list(_fixed(payload.get("ip_addresses") or [], "mac"))
    return list(_fixed(payload["fixed_ips"], "vif_mac")) if "fixed_ips" in payload else None


def _fixed(rows: list[Document], mac: str) -> Iterator[Fixed]:
    return (Fixed(text(row["label"]), row[mac], row["address"], row["version"]) for row in rows)


def _status(state: str, task: str | None) -> str:
    return _UNDER_WAY.get(state, {}).get(task or "") or _STATUS.get(state) or state.upper()


def _stamp(value: Any, form: str) -> str | None:  # noqa: ANN401 - JSON
    if not value:
        return None
    when = datetime.fromisoformat(value)
    return (when if when.tzinfo is None else when.astimezone(UTC)).strftime(form)
