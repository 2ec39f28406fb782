"""What iproute2, sysfs, VPP and libvirt print of Linux bridges' tunnels, of VPP and of virtual functions."""

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from producers.parse import ip, vpp
from producers.parse.fdb import parse_remote_ends
from producers.parse.libvirt import parse_domain
from producers.parse.sysfs import parse_functions, parse_virtual_functions
from schemas.errors import BadInput

LINKS = """\
3: ens2f0: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 9000 qdisc mq state UP mode DEFAULT group default qlen 1000
    link/ether 3c:ec:ef:41:01:10 brd ff:ff:ff:ff:ff:ff promiscuity 0 numtxqueues 64
    vf 0     link/ether 00:00:00:00:00:00 brd ff:ff:ff:ff:ff:ff, spoof checking on, link-state auto, trust off
    vf 1     link/ether FA:16:3E:61:01:0a, vlan 101, spoof checking off, link-state enable, trust on
    vf 2 MAC fa:16:3e:61:01:0b, vlan 7
7: vxlan-70: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1450 qdisc noqueue master brq1 state UNKNOWN mode DEFAULT
    link/ether 22:07:4d:9d:b3:dc brd ff:ff:ff:ff:ff:ff promiscuity 1
    vxlan id 70 group 239.1.1.1 local 10.30.0.11 dev eth0 srcport 0 0 dstport 8472 ttl auto ageing 300
"""

INTERFACES = """\
              Name               Idx    State  MTU (L3/IP4/IP6/MPLS)     Counter          Count
GigabitEthernet0/9/0              1      up          9000/0/0/0     rx packets                  6531
                                                                    rx bytes                  812034
GigabitEthernet0/9/0.201          2      up           0/0/0/0
local0                            0     down          0/0/0/0
"""

HARDWARE = """\
              Name                Idx   Link  Hardware
GigabitEthernet0/9/0               1     up   GigabitEthernet0/9/0
  Link speed: 10 Gbps
  Ethernet address 3C:FD:FE:80:01:20
  Intel X710/XL710 Family
    carrier up full duplex mtu 9206
loop0                              4    down  loop0
  Ethernet address de:ad:00:00:00:00
local0                             0    down  local0
  local
"""


def test_a_tunnel_device_says_the_same_in_text_and_in_json() -> None:
    row: dict[str, Any] = {
        "ifname": "vxlan-70",
        "flags": ["UP"],
        "operstate": "UNKNOWN",
        "link_type": "ether",
        "master": "brq1",
    }
    data = {"id": 70, "group": "239.1.1.1", "local": "10.30.0.11", "link": "eth0", "port": 8472}
    row |= {"address": "22:07:4d:9d:b3:dc", "linkinfo": {"info_kind": "vxlan", "info_data": data}}
    told = {"vni": 70, "local": "10.30.0.11", "underlay": "eth0", "udp_port": 8472, "group": "239.1.1.1"}
    for devices in (ip.parse_text(LINKS), ip.parse_json(json.dumps([row]))):
        device = devices["vxlan-70"]
        assert {key: device[key] for key in told} == told
        assert ip.below(devices, "vxlan-70") == []  # a tunnel does not stand on its NIC as a VLAN does


def test_virtual_functions_of_every_age_are_read() -> None:
    vfs = ip.parse_text(LINKS)["ens2f0"]["vfs"]
    assert [(vf["vf"], vf["mac_address"], vf["vlan"]) for vf in vfs] == [
        (0, "00:00:00:00:00:00", None),
        (1, "fa:16:3e:61:01:0a", 101),
        (2, "fa:16:3e:61:01:0b", 7),
    ]
    assert (vfs[1]["spoof_checking"], vfs[1]["link_state"], vfs[1]["trust"]) == (False, "enable", True)
    assert (vfs[2]["spoof_checking"], vfs[2]["link_state"], vfs[2]["trust"]) == (None, None, None)
    row: dict[str, Any] = {
        "ifname": "p",
        "vfinfo_list": [{"vf": 0, "mac": "FA:16:3e:00:00:01", "vlan_list": [{"vlan": 9}]}],
    }
    [vf] = ip.parse_json(json.dumps([row]))["p"]["vfs"]
    assert (vf["mac_address"], vf["vlan"]) == ("fa:16:3e:00:00:01", 9)


def test_only_ends_that_somebody_wrote_are_ends_of_a_tunnel() -> None:
    text = (
        "00:00:00:00:00:00 dev vxlan-70 dst 10.30.0.13 self permanent\n"
        "00:00:00:00:00:00 dev vxlan-70 dst 10.30.0.12 self permanent\n"
        "00:00:00:00:00:00 dev vxlan-70 dst 10.30.0.12 via eth0 self permanent\n"
        "fa:16:3e:5a:02:21 dev vxlan-70 dst 10.30.0.14 self permanent\n"
        "00:00:00:00:00:00 dev vxlan-71 dst 10.30.0.15 self\n"
        "33:33:00:00:00:01 dev eth0 self permanent\n"
        "no line of the table\n"
    )
    assert parse_remote_ends(text) == {"vxlan-70": ["10.30.0.12", "10.30.0.13"]}


def test_functions_are_read_of_a_long_listing_and_nothing_else() -> None:
    text = (
        "total 0\n"
        "lrwxrwxrwx 1 root root    0 Nov 25 19:40 virtfn0 -> ../0000:3b:02.0\n"
        "lrwxrwxrwx 1 root root    0 Nov 25 19:40 virtfn11 -> ../0000:3b:03.3\n"
        "lrwxrwxrwx 1 root root    0 Nov 25 19:40 virtfnX -> ../0000:3b:03.4\n"
        "lrwxrwxrwx 1 root root    0 Nov 25 19:40 virtfn2 -> ../elsewhere\n"
        "-rw-r--r-- 1 root root 4096 Nov 25 19:40 sriov_numvfs\n"
    )
    assert parse_functions(text) == {0: "0000:3b:02.0", 11: "0000:3b:03.3"}
    paths = "/sys/class/net/ens2f1v0/device/physfn\nls: cannot access 'x': No such file or directory\n"
    assert parse_virtual_functions(paths) == {"ens2f1v0"}


def test_interfaces_of_vpp_are_read_of_old_and_new_tables() -> None:
    assert vpp.parse_interfaces(INTERFACES) == {
        "GigabitEthernet0/9/0": {"state": "up", "tag": None},
        "GigabitEthernet0/9/0.201": {"state": "up", "tag": 201},
        "local0": {"state": "down", "tag": None},
    }
    assert (
        vpp.parse_interfaces("              Name               Idx       State          Counter          Count\n") == {}
    )


def test_bridge_domains_of_vpp_are_read_and_other_modes_are_none() -> None:
    text = (
        "l3 local0  \n"
        "l2 bridge GigabitEthernet0/9/0.201 bd_id 3 shg 0  \n"
        "l2 bridge loop0 bd_id 3 bvi shg 0  \n"
        "l2 xconnect tap0 tap1\n"
    )
    assert vpp.parse_modes(text) == {"GigabitEthernet0/9/0.201": 3, "loop0": 3}
    assert vpp.parse_modes("l3 local0\n") == {}


def test_hardware_of_vpp_has_speed_as_it_is_told() -> None:
    hardware = vpp.parse_hardware(HARDWARE)
    assert hardware["GigabitEthernet0/9/0"] == {
        "mac_address": "3c:fd:fe:80:01:20",
        "state": "up",
        "speed": "10 Gbps",
        "duplex": "Full",
        "link_detected": True,
    }
    assert hardware["local0"] == {"mac_address": None, "state": "down"}


def test_neighbours_of_vpp_are_read_and_a_vpp_without_the_command_has_none() -> None:
    text = (
        "    Time           IP4       Flags      Ethernet              Interface       \n"
        "   1204.3311   10.201.0.12      D    FA:16:3e:72:02:0b VirtualEthernet0/0/0\n"
        "   1205.0000   10.201.0.13           fa:16:3e:72:02:0a VirtualEthernet0/0/0\n"
    )
    assert vpp.parse_neighbours(text) == {"VirtualEthernet0/0/0": ["fa:16:3e:72:02:0a", "fa:16:3e:72:02:0b"]}
    assert vpp.parse_neighbours("show ip: unknown input `arp'\n") == {}
    assert vpp.parse_neighbours("") == {}


def test_the_version_of_vpp_is_its_second_word() -> None:
    assert vpp.parse_version("vpp v19.01.2-release built by root on b1f3 at Mon Mar 18\n") == "19.01.2-release"


@pytest.mark.parametrize("parse", [vpp.parse_version, vpp.parse_interfaces, vpp.parse_modes, vpp.parse_hardware])
@pytest.mark.parametrize(
    "text", ["", "\n\n", "clib_socket_init: connect: Connection refused\n", "show ver: unknown input"]
)
def test_what_is_not_vpp_s_word_is_bad_input(parse: object, text: str) -> None:
    assert callable(parse)
    with pytest.raises(BadInput):
        parse(text)


@given(st.text(max_size=300))
def test_no_text_breaks_a_parser_otherwise(text: str) -> None:
    for parse in (vpp.parse_version, vpp.parse_interfaces, vpp.parse_modes, vpp.parse_hardware, ip.parse_text):
        with suppress(BadInput):
            parse(text)
    vpp.parse_neighbours(text)
    parse_remote_ends(text)
    parse_functions(text)
    parse_virtual_functions(text)


@pytest.mark.parametrize(
    ("source", "address"),
    [
        ("<address type='pci' domain='0x0000' bus='0x3b' slot='0x02' function='0x1'/>", "0000:3b:02.1"),
        ("<address type='pci' bus='0x3b' slot='0x0a'/>", "0000:3b:0a.0"),
        ("<address type='pci' domain='zero' bus='0x3b' slot='0x02' function='0x1'/>", None),
        ("<address type='usb' bus='1' device='2'/>", None),
        ("", None),
    ],
)
def test_a_virtual_function_is_written_as_the_kernel_writes_it(source: str, address: str | None) -> None:
    xml = (
        "<domain id='1'><name>d</name><uuid>u</uuid><devices><interface type='hostdev'>"
        f"<mac address='FA:16:3e:00:00:01'/><source>{source}</source><vlan><tag id='101'/></vlan>"
        "<address type='pci' domain='0x0000' bus='0x00' slot='0x05' function='0x0'/></interface></devices></domain>"
    )
    [interface] = parse_domain(xml).interfaces
    assert interface.get("pci_address") == address
    assert (interface["device"], interface["vlan"]) == ("hostdev-fa:16:3e:00:00:01", 101)
