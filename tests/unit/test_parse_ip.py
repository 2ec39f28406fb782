"""Devices of a host, as every age of iproute2 prints them."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from producers.parse import ip
from schemas.errors import BadInput

ADDR = """\
1: lo: <LOOPBACK,UP,LOWER_UP> mtu 65536 qdisc noqueue state UNKNOWN group default qlen 1000
    link/loopback 00:00:00:00:00:00 brd 00:00:00:00:00:00
    inet 127.0.0.1/8 scope host lo
       valid_lft forever preferred_lft forever
2: eth0: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 9000 qdisc mq master bond0 state UP group default qlen 1000
    link/ether 52:54:00:AA:00:01 brd ff:ff:ff:ff:ff:ff
3: eth0.30@eth0: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 qdisc noqueue state UP group default qlen 1000
    link/ether 52:54:00:aa:00:01 brd ff:ff:ff:ff:ff:ff
    inet 10.30.0.5/24 brd 10.30.0.255 scope global eth0.30
       valid_lft forever preferred_lft forever
    inet6 2001:db8::5/64 scope global
       valid_lft forever preferred_lft forever
    inet6 fe80::5054:ff:feaa:1/64 scope link
       valid_lft forever preferred_lft forever
4: ppp0: <POINTOPOINT,MULTICAST,NOARP,UP,LOWER_UP> mtu 1500 qdisc pfifo_fast state UNKNOWN group default qlen 3
    link/ppp
    inet 10.9.0.1 peer 10.9.0.2/32 scope global ppp0
       valid_lft forever preferred_lft forever
5: eth1: <NO-CARRIER,BROADCAST,MULTICAST,UP> mtu 1500 qdisc mq state DOWN group default qlen 1000
    link/ether 52:54:00:aa:00:02 brd ff:ff:ff:ff:ff:ff
"""

LINK = """\
2: eth0: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 9000 qdisc mq master bond0 state UP mode DEFAULT group default qlen 1000
    link/ether 52:54:00:aa:00:01 brd ff:ff:ff:ff:ff:ff promiscuity 0
    bond_slave state ACTIVE mii_status UP link_failure_count 0
3: eth0.30@eth0: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 qdisc noqueue state UP mode DEFAULT group default qlen 1000
    link/ether 52:54:00:aa:00:01 brd ff:ff:ff:ff:ff:ff promiscuity 0
    vlan protocol 802.1Q id 30 <REORDER_HDR> addrgenmode eui64
6: br0: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 qdisc noqueue state UP mode DEFAULT group default qlen 1000
    link/ether 52:54:00:aa:00:09 brd ff:ff:ff:ff:ff:ff promiscuity 0
    bridge forward_delay 0 hello_time 200 stp_state 1 priority 32768 bridge_id 8000.52:54:00:aa:0:9 root_port 0
7: vb@va: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 qdisc noqueue master br0 state UP mode DEFAULT group default
    link/ether 52:54:00:aa:00:0a brd ff:ff:ff:ff:ff:ff promiscuity 1
    veth addrgenmode eui64
"""


def test_text_gives_addresses_without_the_link_local_ones() -> None:
    devices = ip.parse_text(ADDR)
    assert list(devices) == ["lo", "eth0", "eth0.30", "ppp0", "eth1"]
    assert devices["eth0.30"]["addresses"] == ["10.30.0.5/24", "2001:db8::5/64"]
    assert devices["ppp0"]["addresses"] == ["10.9.0.1/32"]
    assert devices["eth0"] | {"addresses": []} == devices["eth0"]


def test_a_device_without_carrier_is_down_and_one_of_unknown_state_is_up() -> None:
    devices = ip.parse_text(ADDR)
    assert {name: device["state"] for name, device in devices.items()} == {
        "lo": "up",
        "eth0": "up",
        "eth0.30": "up",
        "ppp0": "up",
        "eth1": "down",
    }


def test_mac_addresses_are_in_lower_case_and_absent_where_there_is_none() -> None:
    devices = ip.parse_text(ADDR)
    assert devices["eth0"]["mac_address"] == "52:54:00:aa:00:01"
    assert devices["ppp0"]["mac_address"] is None


def test_details_tell_what_a_vlan_device_stands_on_but_not_the_other_end_of_a_veth() -> None:
    devices = ip.parse_text(LINK)
    assert (devices["eth0.30"]["link"], devices["eth0.30"]["vlan_id"]) == ("eth0", 30)
    assert "link" not in devices["vb"]
    assert devices["vb"]["master"] == "br0"
    assert devices["br0"]["stp_enabled"] is True


def test_below_follows_stacked_devices_and_ends_in_a_circle() -> None:
    stack: ip.Devices = {
        "a.1.2": {"link": "a.1"},
        "a.1": {"link": "a"},
        "a": {},
        "x": {"link": "y"},
        "y": {"link": "x"},
    }
    assert ip.below(stack, "a.1.2") == ["a.1", "a"]
    assert ip.below(stack, "x") == ["y"]
    assert ip.below(stack, "nowhere") == []


def test_json_and_text_of_the_same_devices_agree() -> None:
    rows = [
        {
            "ifname": "eth0.30",
            "link": "eth0",
            "flags": ["BROADCAST", "UP", "LOWER_UP"],
            "mtu": 1500,
            "operstate": "UP",
            "link_type": "ether",
            "address": "52:54:00:aa:00:01",
            "addr_info": [
                {"family": "inet", "local": "10.30.0.5", "prefixlen": 24, "scope": "global"},
                {"family": "inet6", "local": "2001:db8::5", "prefixlen": 64, "scope": "global"},
                {"family": "inet6", "local": "fe80::1", "prefixlen": 64, "scope": "link"},
            ],
        }
    ]
    assert ip.parse_json(json.dumps(rows))["eth0.30"] == ip.parse_text(ADDR)["eth0.30"]


def test_an_empty_answer_has_no_devices() -> None:
    assert ip.parse_json("") == ip.parse_json("[]") == ip.parse_text("") == {}


def test_an_empty_object_among_the_rows_is_no_device() -> None:
    assert ip.parse_json('[{},{"ifname":"lo"}]') == ip.parse_json('[{"ifname":"lo"}]')


@pytest.mark.parametrize("text", ["1: lo: <UP>", "{", '{"ifname": "lo"}'])
def test_what_is_not_json_of_ip_is_refused(text: str) -> None:
    with pytest.raises(BadInput, match="not the JSON of ip"):
        ip.parse_json(text)


def test_text_without_a_device_is_refused() -> None:
    with pytest.raises(BadInput, match="Cannot send dump request"):
        ip.parse_text("Cannot send dump request: Permission denied")


@given(st.text())
def test_any_text_is_read_or_refused(text: str) -> None:
    for parse in (ip.parse_text, ip.parse_json):
        try:
            parse(text)
        except BadInput:
            continue
