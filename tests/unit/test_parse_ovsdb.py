"""Open vSwitch's tables, as `ovs-vsctl -f json list` prints them."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from producers.parse import ovsdb
from schemas.errors import BadInput

NONE: list[Any] = ["set", []]


def table(*rows: dict[str, Any]) -> str:
    """Answer rows as the JSON of one table."""
    headings = sorted({key for row in rows for key in row})
    return json.dumps({"headings": headings, "data": [[row.get(key, NONE) for key in headings] for row in rows]})


def bridge(name: str, *ports: str) -> dict[str, Any]:
    """Answer a bridge with ports by uuid; one stands alone, as Open vSwitch prints it."""
    cells = [["uuid", port] for port in ports]
    return {"_uuid": ["uuid", f"b-{name}"], "name": name, "ports": cells[0] if len(cells) == 1 else ["set", cells]}


def port(name: str, *interfaces: str, **columns: Any) -> dict[str, Any]:
    """Answer a port, whose uuid is p-<name>."""
    cells = [["uuid", f"i-{interface}"] for interface in interfaces or (name,)]
    found = cells[0] if len(cells) == 1 else ["set", cells]
    return {"_uuid": ["uuid", f"p-{name}"], "name": name, "interfaces": found, **columns}


def interface(name: str, **columns: Any) -> dict[str, Any]:
    """Answer an interface, whose uuid is i-<name>."""
    return {"_uuid": ["uuid", f"i-{name}"], "name": name, "type": "", "link_state": "up", **columns}


def mapping(**values: str) -> list[Any]:
    """Answer a map cell."""
    return ["map", [[key, value] for key, value in values.items()]]


def test_a_patch_port_names_its_peer_and_a_tagged_port_its_tag() -> None:
    found = ovsdb.parse_switch(
        table(bridge("br-int", "p-int-br-ex", "p-tap1"), bridge("br-empty")),
        table(port("int-br-ex"), port("tap1", tag=7, trunks=["set", [12, 11]])),
        table(
            interface("int-br-ex", type="patch", options=mapping(peer="phy-br-ex")),
            interface("tap1", mac_in_use="FE:16:3E:00:00:01", external_ids=["map", [["iface-id", "port-1"]]]),
        ),
    )
    assert found["br-empty"].ports == {}
    ports = found["br-int"].ports
    assert (ports["int-br-ex"]["type"], ports["int-br-ex"]["peer"]) == ("patch", "phy-br-ex")
    assert (ports["tap1"]["tag"], ports["tap1"]["trunks"]) == (7, [11, 12])
    assert (ports["tap1"]["iface_id"], ports["tap1"]["mac_address"]) == ("port-1", "fe:16:3e:00:00:01")


def test_a_tunnel_keeps_its_ends_and_its_port() -> None:
    options = mapping(local_ip="10.0.0.1", remote_ip="10.0.0.2", dst_port="8472", in_key="flow")
    found = ovsdb.parse_switch(
        table(bridge("br-tun", "p-vxlan-1")),
        table(port("vxlan-1")),
        table(interface("vxlan-1", type="vxlan", options=options)),
    )
    tunnel = found["br-tun"].ports["vxlan-1"]
    assert (tunnel["local_ip"], tunnel["remote_ip"], tunnel["dst_port"]) == ("10.0.0.1", "10.0.0.2", "8472")
    assert "in_key" not in tunnel


def test_the_members_of_a_bond_stand_beside_it() -> None:
    found = ovsdb.parse_switch(
        table(bridge("br-ex", "p-bond1")),
        table(port("bond1", "eth0", "eth1", bond_mode="balance-tcp")),
        table(interface("eth0", link_state="down"), interface("eth1")),
    )
    ports = found["br-ex"].ports
    assert sorted(ports) == ["bond1", "eth0", "eth1"]
    assert (ports["bond1"]["members"], ports["bond1"]["bond_mode"]) == (["eth0", "eth1"], "balance-tcp")
    assert ports["eth0"]["port"] == ports["eth1"]["port"] == "bond1"
    assert (ports["bond1"]["state"], ports["eth0"]["state"]) == ("up", "down")


def test_a_port_that_went_between_two_answers_is_left_out() -> None:
    found = ovsdb.parse_switch(table(bridge("br", "p-tap1", "p-tap2")), table(port("tap1")), table(interface("tap1")))
    assert sorted(found["br"].ports) == ["tap1"]


def test_a_port_whose_interface_went_is_there_without_one() -> None:
    found = ovsdb.parse_switch(table(bridge("br", "p-tap1")), table(port("tap1")), table(interface("tap2")))
    assert found["br"].ports["tap1"]["members"] == []


def test_an_error_of_an_interface_is_kept() -> None:
    broken = interface("eth9", error="could not open network device eth9 (No such device)", link_state=NONE)
    found = ovsdb.parse_switch(table(bridge("br", "p-eth9")), table(port("eth9")), table(broken))
    assert "No such device" in found["br"].ports["eth9"]["error"]
    assert found["br"].ports["eth9"]["state"] is None


@pytest.mark.parametrize("text", ["", "ovs-vsctl: unix:/run/db.sock: connection failed", "[]", '{"data": []}'])
def test_what_is_no_table_is_refused(text: str) -> None:
    with pytest.raises(BadInput, match="not a table"):
        ovsdb.parse_table(text)


@given(
    st.recursive(
        st.none() | st.text() | st.integers(), lambda x: st.lists(x) | st.dictionaries(st.text(), x), max_leaves=6
    )
)
def test_any_cell_is_read_or_refused(cell: object) -> None:
    text = json.dumps({"headings": ["x"], "data": [[cell]]})
    try:
        ovsdb.parse_table(text)
    except BadInput:
        return
