"""What a cell's services send to the message bus: notifications in the shapes of Nova's and Neutron's own."""

from benchmarks.cell import BEGAN, Cell, iso
from benchmarks.cloud import Instance, name_of
from schemas.canonical import Document, encode
from schemas.events import NotificationReceived

_SIZES = {"vcpus": 1, "memory_mb": 2048, "root_gb": 20, "ephemeral_gb": 0, "swap": 0, "extra_specs": {}}


class Bus:
    """Notifications about one cell as it is when they are asked for, numbered."""

    def __init__(self, cell: Cell) -> None:
        """Speak for a cell."""
        self._cell = cell
        self._sent = 0

    def server(self, happened: str, each: Instance, host: str | None = None) -> NotificationReceived:
        """Answer a versioned notification about an instance, sent by its host or by another."""
        cell, document = self._cell, self._cell.instance(each)
        data = {
            "uuid": each.id,
            "display_name": document["name"],
            "display_description": None,
            "host_name": document["hostname"],
            "host": each.host,
            "node": each.host,
            "tenant_id": document["project_id"],
            "user_id": document["user_id"],
            "availability_zone": cell.zone,
            "flavor": _nova("FlavorPayload", {"name": "m1.small", "flavorid": "2", **_SIZES}),
            "image_uuid": document["image_id"],
            "instance_name": document["local_name"],
            "key_name": None,
            "locked": False,
            "metadata": document["metadata"],
            "state": document["vm_state"],
            "power_state": "running" if each.running else "shutdown",
            "task_state": None,
            "created_at": iso(BEGAN),
            "launched_at": iso(BEGAN),
            "terminated_at": None,
            "updated_at": document["updated"],
            "ip_addresses": [self._ip(each, slot) for slot in range(each.ports)],
        }
        sender = f"nova-compute:{host or each.host}"
        return self._message(f"instance.{happened}.end", sender, _nova("InstanceActionPayload", data))

    def _ip(self, each: Instance, slot: int) -> Document:
        where = {
            "label": f"net-{each.project}-{slot}",
            "mac": each.mac(slot),
            "address": self._cell.address(each, slot),
        }
        return _nova(
            "IpPayload", {**where, "port_uuid": each.port(slot), "version": 4, "meta": {}, "device_name": None}
        )

    def port(self, happened: str, each: Instance, slot: int) -> NotificationReceived:
        """Answer that a port was created or updated."""
        document = self._cell.port(each, slot)
        body = {"id": each.port(slot), "tenant_id": document["project_id"], **document}
        return self._neutron(f"port.{happened}.end", {"port": body})

    def port_deleted(self, port: str) -> NotificationReceived:
        """Answer that a port was deleted."""
        return self._neutron("port.delete.end", {"port_id": port})

    def floating_ip(self, number: int) -> NotificationReceived:
        """Answer that a floating IP leads elsewhere."""
        document = self._cell.floating_ip(number)
        body = {"id": name_of("floating", number), "tenant_id": document["project_id"], **document}
        return self._neutron("floatingip.update.end", {"floatingip": body})

    def agent(self, host: str) -> NotificationReceived:
        """Answer that an operator has changed an agent."""
        body = {"id": name_of("vedge", host), **self._cell.agent(host)}
        del body["name"]
        return self._neutron("agent.update.end", {"agent": body})

    def _neutron(self, event_type: str, payload: Document) -> NotificationReceived:
        return self._message(event_type, f"network.{self._cell.network_hosts[0]}", payload)

    def _message(self, event_type: str, publisher: str, payload: Document) -> NotificationReceived:
        self._sent += 1
        message_id = name_of("message", self._sent)
        message = {
            "message_id": message_id,
            "publisher_id": publisher,
            "event_type": event_type,
            "priority": "INFO",
            "payload": payload,
            "timestamp": iso(self._cell.now),
        }
        exchange, key = (
            ("nova", "versioned_notifications.info") if ":" in publisher else ("neutron", "notifications.info")
        )
        return NotificationReceived(message_id, event_type, publisher, exchange, key, encode(message))


def _nova(name: str, data: Document) -> Document:
    return {
        "nova_object.name": name,
        "nova_object.namespace": "nova",
        "nova_object.version": "1.0",
        "nova_object.data": data,
    }
