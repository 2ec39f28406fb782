"""What the small commands of a host print, in the variants that the field has."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from producers.parse import bonding, brctl, ethtool, ip, netns, os_release, sysfs
from schemas.errors import BadInput

BRCTL = (
    "bridge name\tbridge id\t\tSTP enabled\tinterfaces\n"
    "br-mgmt\t\t8000.525400aa0001\tno\t\teth1.20\n"
    "\t\t\t\t\t\t\teth0\n"
    "docker0\t\t8000.0242ac110002\tyes\t\t\n"
    "qbr-very-long-n\t8000.525400aa0003\tno\t\ttap1\n"
)


def test_brctl_goes_on_with_the_bridge_above() -> None:
    bridges = brctl.parse_brctl(BRCTL)
    assert {name: bridge["interfaces"] for name, bridge in bridges.items()} == {
        "br-mgmt": ["eth0", "eth1.20"],
        "docker0": [],
        "qbr-very-long-n": ["tap1"],
    }
    assert bridges["docker0"]["stp_enabled"] is True
    assert bridges["br-mgmt"]["bridge_id"] == "8000.525400aa0001"


@pytest.mark.parametrize("text", ["\t\teth0\n", "can't get info Operation not supported\n"])
def test_what_is_no_table_of_brctl_is_refused(text: str) -> None:
    with pytest.raises(BadInput, match="brctl"):
        brctl.parse_brctl(text)


def test_masters_of_ip_give_the_same_bridges_as_brctl() -> None:
    devices: ip.Devices = {
        "br0": {"kind": "bridge", "bridge_id": "8000.525400aa0001", "stp_enabled": False},
        "br1": {"kind": "bridge", "bridge_id": "8000.525400aa0002", "stp_enabled": True},
        "tap2": {"kind": "tun", "master": "br0"},
        "tap1": {"kind": "tun", "master": "br0"},
        "eth0": {"master": "bond0"},
    }
    text = "br0\t8000.525400aa0001\tno\ttap1\n\t\ttap2\nbr1\t8000.525400aa0002\tyes\t\n"
    assert brctl.bridges_of(devices) == brctl.parse_brctl(text)


def test_only_what_stands_under_devices_virtual_is_virtual() -> None:
    text = (
        "total 0\n"
        "-rw-r--r-- 1 root root 4096 Nov 22 12:08 bonding_masters\n"
        "lrwxrwxrwx. 1 root root 0 Nov 22 12:08 bond0 -> ../../devices/virtual/net/bond0\n"
        "lrwxrwxrwx 1 root root 0 2026-11-22 12:08 eno1 -> ../../devices/pci0000:00/0000:00:03.0/net/eno1\n"
    )
    assert sysfs.parse_class_net(text) == {"bond0": True, "eno1": False}


def test_ethtool_tells_what_it_knows() -> None:
    text = (
        "Settings for eno1:\n"
        "\tSupported ports: [ FIBRE ]\n"
        "\tSupported link modes:   1000baseT/Full \n"
        "\t                        10000baseT/Full \n"
        "\tSpeed: 10000Mb/s\n"
        "\tDuplex: Full\n"
        "\tAuto-negotiation: on\n"
        "\tPort: FIBRE\n"
        "\tCurrent message level: 0x00000007 (7)\n"
        "\t\t\t       drv probe link\n"
        "\tLink detected: yes\n"
    )
    assert ethtool.parse_ethtool(text) == {
        "speed": "10000Mb/s",
        "duplex": "Full",
        "auto_negotiation": True,
        "port": "FIBRE",
        "link_detected": True,
        "supported_link_modes": ["1000baseT/Full", "10000baseT/Full"],
    }


def test_ethtool_of_a_virtual_device_knows_little() -> None:
    text = "Settings for x:\n\tSpeed: Unknown!\n\tDuplex: Unknown! (255)\n\tSupported link modes:   Not reported\n"
    assert ethtool.parse_ethtool(text + "\tLink detected: no\n") == {"link_detected": False}


def test_a_bond_has_its_mode_and_its_members() -> None:
    text = (
        "Ethernet Channel Bonding Driver: v3.7.1 (April 27, 2011)\n\n"
        "Bonding Mode: IEEE 802.3ad Dynamic link aggregation\n"
        "Transmit Hash Policy: layer3+4 (1)\n"
        "MII Status: up\n\n"
        "802.3ad info\nLACP rate: fast\n\n"
        "Slave Interface: eno2\nMII Status: down\nSpeed: Unknown\nPermanent HW addr: 52:54:00:aa:00:02\n\n"
        "Slave Interface: eno1\nMII Status: up\nSpeed: 10000 Mbps\nDuplex: full\n"
    )
    bond, members = bonding.parse_bond(text)
    assert bond == {
        "bond_mode": "IEEE 802.3ad Dynamic link aggregation",
        "transmit_hash_policy": "layer3+4 (1)",
        "mii_status": "up",
        "lacp_rate": "fast",
    }
    assert {name: member["mii_status"] for name, member in members.items()} == {"eno1": "up", "eno2": "down"}


def test_what_is_no_bond_is_refused() -> None:
    with pytest.raises(BadInput, match="bond"):
        bonding.parse_bond("cat: /proc/net/bonding/bond0: No such file or directory\n")


@pytest.mark.parametrize(
    "text",
    [
        "qrouter-2\nqdhcp-1\n",
        "qdhcp-1 (id: 0)\nqrouter-2 (id: 12)\n",
        "Error: Peer netns reference is invalid.\nqdhcp-1\nError: Peer netns reference is invalid.\nqrouter-2\n",
    ],
)
def test_namespaces_are_named_alike_by_every_age_of_iproute2(text: str) -> None:
    assert netns.parse_netns(text) == ["qdhcp-1", "qrouter-2"]


def test_os_release_is_unquoted_and_followed_by_the_architecture() -> None:
    text = (
        "# comment\nNAME='CentOS Stream'\nVERSION_ID=\"9\"\nID=centos\n"
        'PRETTY_NAME="CentOS Stream 9"\nBAD="\n\naarch64\n'
    )
    expected = {"id": "centos", "version": "9", "name": "CentOS Stream 9", "architecture": "aarch64"}
    assert os_release.parse_os_release(text) == expected
    assert os_release.parse_uname("node-1\nLinux 5.14.0\n") == {"hostname": "node-1", "kernel": "Linux 5.14.0"}


@given(st.text())
def test_any_text_is_read_or_refused(text: str) -> None:
    for parse in (
        brctl.parse_brctl,
        sysfs.parse_class_net,
        ethtool.parse_ethtool,
        bonding.parse_bond,
        netns.parse_netns,
        os_release.parse_os_release,
        os_release.parse_uname,
    ):
        try:
            parse(text)
        except BadInput:
            continue
