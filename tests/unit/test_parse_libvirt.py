"""Domains, as virsh prints them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from producers.parse import libvirt
from schemas.errors import BadInput

LIST = """\
 Id   Name                State
------------------------------------
 1    instance-00000003   running
 12   instance-0000000e   paused
 -    instance-00000007   shut off

"""


def domain(interfaces: str, runs: str = " id='3'") -> str:
    """Answer the XML of a domain with such interfaces."""
    return f"<domain type='kvm'{runs}><name>i-1</name><uuid>u-1</uuid><devices>{interfaces}</devices></domain>\n"


def test_shut_off_domains_are_listed_too() -> None:
    assert libvirt.parse_domain_list(LIST) == ["instance-00000003", "instance-00000007", "instance-0000000e"]


def test_an_empty_list_and_the_table_of_older_libvirt_are_read() -> None:
    assert libvirt.parse_domain_list(" Id    Name    State\n--------------\n\n") == []
    old = " Id    Name                           State\n-----\n 2     instance-00000001              running\n"
    assert libvirt.parse_domain_list(old) == ["instance-00000001"]


def test_a_bridge_interface_is_called_by_its_target_device() -> None:
    xml = (
        "<interface type='bridge'><mac address='FA:16:3E:00:00:01'/><source bridge='br-int'/><target dev='tap1'/>"
        "<virtualport type='openvswitch'><parameters interfaceid='port-1'/></virtualport><mtu size='1450'/></interface>"
    )
    found = libvirt.parse_domain(domain(xml))
    assert (found.name, found.uuid) == ("i-1", "u-1")
    assert found.interfaces == (
        {
            "device": "tap1",
            "mac_address": "fa:16:3e:00:00:01",
            "source_bridge": "br-int",
            "interface_type": "bridge",
            "mtu": 1450,
            "iface_id": "port-1",
            "state": "up",
        },
    )


@pytest.mark.parametrize(
    ("interface", "device"),
    [
        ("<interface type='vhostuser'><source type='unix' path='/run/ovs/vhu1' mode='client'/></interface>", "vhu1"),
        ("<interface type='hostdev'><mac address='fa:16:3E:0:0:2'/></interface>", "hostdev-fa:16:3e:0:0:2"),
        ("<interface type='ethernet'><target dev='tap2'/><mac address='fa:16:3e:0:0:2'/></interface>", "tap2"),
    ],
)
def test_an_interface_without_target_has_a_name_all_the_same(interface: str, device: str) -> None:
    assert [one["device"] for one in libvirt.parse_domain(domain(interface)).interfaces] == [device]


def test_an_interface_that_nothing_names_is_left_out() -> None:
    assert libvirt.parse_domain(domain("<interface type='user'/>")).interfaces == ()


def test_the_interfaces_of_a_domain_that_is_off_or_unplugged_are_down() -> None:
    plain = "<interface type='bridge'><target dev='tap1'/></interface>"
    unplugged = "<interface type='bridge'><target dev='tap1'/><link state='down'/></interface>"
    assert libvirt.parse_domain(domain(plain)).interfaces[0]["state"] == "up"
    assert libvirt.parse_domain(domain(plain, runs="")).interfaces[0]["state"] == "down"
    assert libvirt.parse_domain(domain(unplugged)).interfaces[0]["state"] == "down"


@pytest.mark.parametrize("text", ["", "error: failed to get domain 'x'", "<network/>", "<domain>"])
def test_what_is_no_domain_is_refused(text: str) -> None:
    with pytest.raises(BadInput, match="not the XML"):
        libvirt.parse_domain(text)


def test_entities_are_not_expanded_without_bound() -> None:
    bomb = "".join(f'<!ENTITY a{n} "{f"&a{n - 1};" * 10 if n else "x" * 50}">' for n in range(10))
    with pytest.raises(BadInput, match="not the XML"):
        libvirt.parse_domain(f"<!DOCTYPE domain [{bomb}]><domain><name>&a9;</name></domain>")


@given(st.text())
def test_any_text_is_read_or_refused(text: str) -> None:
    libvirt.parse_domain_list(text)
    try:
        libvirt.parse_domain(text)
    except BadInput:
        return
