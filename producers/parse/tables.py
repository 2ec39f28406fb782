"""What rows of Neutron's and Nova's databases say, by the id of the object that they speak of.

A row of an object that is gone is in the answer too: nobody asks for it. Rows are those of the columns that
`producers/fetchers/records.py` names; one that lacks a column is not of such a table (KeyError).
"""

import json
from collections import defaultdict
from collections.abc import Iterable

from schemas.canonical import Document
from schemas.errors import BadInput

Rows = Iterable[Document]


def port_bindings(bindings: Rows, levels: Rows, segments: Rows) -> dict[str, list[Document]]:
    """Answer the hosts that each port is bound on, sorted: the inactive ones of a migration and each of a distributed
    router's too, with the mechanism driver and the segment of each level.
    """
    known = {row["id"]: row for row in segments}
    stacks: dict[tuple[str, str], list[Document]] = defaultdict(list)
    for row in sorted(levels, key=lambda row: int(row["level"])):
        stacks[row["port_id"], row["host"]].append(_level(row["driver"], known.get(row["segment_id"], {})))
    found: dict[str, list[Document]] = defaultdict(list)
    for row in sorted((row for row in bindings if row["host"]), key=lambda row: str(row["host"])):
        kept = {key: row[key] for key in ("host", "status", "vif_type", "vnic_type")}
        found[row["port_id"]].append(kept | {"levels": stacks.get((row["port_id"], row["host"]), [])})
    return dict(found)


def _level(driver: str, segment: Document) -> Document:
    return {"driver": driver} | {
        key: segment.get(key) for key in ("network_type", "physical_network", "segmentation_id")
    }


def blocks(ports: Rows, blocking: Rows) -> dict[str, list[str]]:
    """Answer what each port still waits for before it may be up (DHCP, L2), sorted."""
    port_of = {row["standard_attr_id"]: row["id"] for row in ports}
    found: dict[str, list[str]] = defaultdict(list)
    for row in sorted(blocking, key=lambda row: str(row["entity"])):
        if row["standard_attr_id"] in port_of:
            found[port_of[row["standard_attr_id"]]].append(row["entity"])
    return dict(found)


def router_agents(bindings: Rows, high_availability: Rows, agents: Rows) -> dict[str, list[Document]]:
    """Answer the agents that run each router, sorted by host; `ha_state` is active or standby, None without HA."""
    states = {(row["router_id"], row["l3_agent_id"]): row["state"] for row in high_availability}
    hosts = {row["id"]: row["host"] for row in agents}
    found: dict[str, list[Document]] = defaultdict(list)
    for row in bindings:
        agent = row["l3_agent_id"]
        state = states.get((row["router_id"], agent))
        found[row["router_id"]].append({"agent_id": agent, "host": hosts.get(agent), "ha_state": state})
    return {router: _by_host(rows) for router, rows in found.items()}


def dhcp_agents(bindings: Rows, agents: Rows) -> dict[str, list[Document]]:
    """Answer the agents that serve each network, sorted by host."""
    hosts = {row["id"]: row["host"] for row in agents}
    found: dict[str, list[Document]] = defaultdict(list)
    for row in bindings:
        found[row["network_id"]].append({"agent_id": row["dhcp_agent_id"], "host": hosts.get(row["dhcp_agent_id"])})
    return {network: _by_host(rows) for network, rows in found.items()}


def _by_host(rows: list[Document]) -> list[Document]:
    return sorted(rows, key=lambda row: (str(row["host"]), str(row["agent_id"])))


def endpoints(rows: Rows) -> dict[str, Document]:
    """Answer the tunnel end that each host registered, the first by address; only of VXLAN Neutron keeps a port."""
    found: dict[str, Document] = {}
    for row in sorted(rows, key=lambda row: str(row["ip_address"])):
        found.setdefault(row["host"], {"ip_address": row["ip_address"], "udp_port": row.get("udp_port")})
    return found


def network_info(rows: Rows) -> dict[str, list[Document]]:
    """Answer how Nova plugged each instance, by its own note, sorted by port. BadInput where that is not JSON."""
    return {row["instance_uuid"]: _plugs(row) for row in rows if row["network_info"] and not row["deleted"]}


def _plugs(row: Document) -> list[Document]:
    try:
        plugs = json.loads(row["network_info"])
    except ValueError as error:
        raise BadInput(f"network_info of instance {row['instance_uuid']} is not JSON: {error}") from error
    return sorted((_plug(plug) for plug in plugs or ()), key=lambda plug: str(plug["port_id"]))


def _plug(plug: Document) -> Document:
    return {
        "port_id": plug["id"],
        "mac_address": plug.get("address"),
        "device": plug.get("devname"),
        "bridge": (plug.get("network") or {}).get("bridge"),
        "vif_type": plug.get("type"),
        "vnic_type": plug.get("vnic_type"),
        "active": plug.get("active"),
    }
