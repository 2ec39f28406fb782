"""A cell: a cloud that lives. Its instances, ports and agents change, and it answers documents and notifications."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from functools import cached_property
from random import Random

from benchmarks.cloud import Cloud, Instance, Seen, Size, name_of, project_of, router_of
from schemas.canonical import Document

SECOND = 1_000_000
BEGAN = int(datetime(2026, 1, 1, tzinfo=UTC).timestamp()) * SECOND


class Cell(Cloud):
    """One cloud as it is now. All hosts have the number of the cell in their names, here the first."""

    zone = "nova-000"

    def __init__(self, size: Size, draw: Random) -> None:
        """Begin with as many instances as the size says."""
        super().__init__(size, 0)
        self.now = BEGAN
        self._draw = draw
        self._numbers = 0
        self._fleet: dict[int, Instance] = {}
        self._changed_at: dict[int, int] = {}
        self._revisions: dict[str, tuple[int, int]] = {}
        """Of each port: how often it was written, and when last."""
        self.closed: set[str] = set()
        """Ports that an operator has taken down."""
        self.dead: set[str] = set()
        """Hosts whose agent does not answer."""
        self.paused: set[str] = set()
        """Hosts whose agent an operator has taken out of use."""
        self._floating: dict[int, int | None] = {}
        for _ in range(size.instances):
            each = self.boot()
            if each.number % 10 == 0:
                self._floating[each.number] = each.number

    # -- what there is -------------------------------------------------------------------------------

    @cached_property
    def hosts(self) -> list[str]:
        """Answer the names of the compute hosts."""
        return [f"compute-000-{number:03}" for number in range(self.size.hosts)]

    @cached_property
    def network_hosts(self) -> list[str]:
        """Answer the names of the hosts of DHCP servers and routers."""
        return [f"network-000-{number:03}" for number in range(self.size.network_hosts)]

    @property
    def instances(self) -> dict[str, list[Instance]]:  # type: ignore[override]  # they change
        """Answer the instances by host."""
        found: dict[str, list[Instance]] = {host: [] for host in self.hosts}
        for each in self._fleet.values():
            found[each.host].append(each)
        return found

    def any_instance(self) -> Instance | None:
        """Answer one of the instances, None if there is none."""
        return self._draw.choice(list(self._fleet.values())) if self._fleet else None

    def any_floating_ip(self) -> int | None:
        """Answer the number of one of the floating IPs, None if there is none."""
        return self._draw.choice(list(self._floating)) if self._floating else None

    # -- what happens --------------------------------------------------------------------------------

    def pass_time(self, seconds: float) -> None:
        """Let the clocks go on."""
        self.now += int(seconds * SECOND)
        self._stamp = iso(self.now)

    def boot(self) -> Instance:
        """Begin an instance; large projects begin most."""
        project = int(self.size.projects * self._draw.random() ** 2)
        host = self._draw.choice(self.hosts)
        each = Instance(self._numbers, host, project, True, self.size.ports_an_instance)
        self._numbers += 1
        return self._put(each)

    def delete(self, each: Instance) -> None:
        """End an instance with its ports; a floating IP that led to it is free."""
        del self._fleet[each.number]
        for number, target in self._floating.items():
            if target == each.number:
                self._floating[number] = None

    def move(self, each: Instance) -> Instance:
        """Move an instance to another host, or to the same where there is no other."""
        host = self.hosts[(self.hosts.index(each.host) + 1) % len(self.hosts)]
        for slot in range(each.ports):
            self._write(each.port(slot))
        return self._put(replace(each, host=host))

    def switch(self, each: Instance) -> Instance:
        """Stop an instance that runs, start one that does not."""
        return self._put(replace(each, running=not each.running))

    def flap(self, each: Instance, slot: int) -> None:
        """Take a port down, or up again."""
        self._write(each.port(slot))
        self.closed ^= {each.port(slot)}

    def lead(self, number: int, each: Instance) -> None:
        """Let a floating IP lead to an instance, or to nobody if it leads to one."""
        self._floating[number] = each.number if self._floating[number] is None else None

    def _put(self, each: Instance) -> Instance:
        self._fleet[each.number] = each
        self._changed_at[each.number] = self.now
        return each

    def _write(self, port: str) -> None:
        revision, _ = self._revisions.get(port, (4, BEGAN))
        self._revisions[port] = (revision + 1, self.now)

    # -- documents -----------------------------------------------------------------------------------

    def instance(self, each: Instance) -> Document:
        """Answer an instance as Nova's API answers it."""
        fixed = {"OS-EXT-IPS:type": "fixed", "version": 4}
        addresses = {}
        for slot in range(each.ports):
            mac, address = each.mac(slot), self.address(each, slot)
            addresses[f"net-{each.project}-{slot}"] = [{"OS-EXT-IPS-MAC:mac_addr": mac, "addr": address, **fixed}]
        return {
            **super()._instance(each),
            "addresses": addresses,
            "created": iso(BEGAN),
            "description": None,
            "flavor": {"name": "m1.small", "ram": 2048, "vcpus": 1, "disk": 20, "ephemeral": 0, "swap": 0}
            | {"extra_specs": {}},
            "hypervisor_hostname": each.host,
            "key_name": None,
            "launched_at": iso(BEGAN)[:-1] + ".000000",
            "locked": False,
            "task_state": None,
            "terminated_at": None,
            "updated": iso(self._changed_at[each.number]),
        }

    def port(self, each: Instance, slot: int) -> Document:
        """Answer an instance's port as Neutron's API answers it."""
        return self._port(each.project, slot, each.mac(slot), each.id, each.host, "compute:nova")

    def address(self, each: Instance, slot: int) -> str:
        """Answer the fixed address of an instance on one of its networks."""
        found: str = self.port(each, slot)["fixed_ips"][0]["ip_address"]
        return found

    def floating_ip(self, number: int) -> Document:
        """Answer a floating IP as Neutron's API answers it."""
        target = self._floating[number]
        each = None if target is None else self._fleet[target]
        return self._named(
            f"172.24.{number // 250}.{number % 250}",
            floating_ip_address=f"172.24.{number // 250}.{number % 250}",
            fixed_ip_address=None if each is None else self.address(each, 0),
            floating_network_id=name_of("outer", 0),
            port_id=None if each is None else each.port(0),
            project_id=project_of(self._owner(number)),
            router_id=None if each is None else router_of(each.project),
            status="DOWN" if each is None else "ACTIVE",
        )

    def _owner(self, number: int) -> int:
        """Answer the project of a floating IP: it stays when the IP leads elsewhere."""
        return int(self.size.projects * Random(number).random())  # noqa: S311 - a fixed seed

    def agent(self, host: str) -> Document:
        """Answer the Open vSwitch agent of a host as Neutron's API answers it."""
        return self._agent(host, "neutron-openvswitch-agent")

    def _instance(self, each: Instance) -> Document:
        return self.instance(each)

    def _named(self, name: str, **attributes: object) -> Document:
        return {**super()._named(name, **attributes), "updated_at": iso(BEGAN)}

    def _port(self, project: int, slot: int, mac: str, device: str, host: str, owner: str) -> Document:
        document = super()._port(project, slot, mac, device, host, owner)
        kind = "port" if owner.startswith("compute") else "dhcp" if owner.endswith("dhcp") else "leg"
        number = int(mac[6:8] + mac[9:11] + mac[12:14], 16)
        port = name_of("port", number, slot) if kind == "port" else name_of(kind, project, slot)
        revision, at = self._revisions.get(port, (4, BEGAN))
        told = {"name": mac, "updated_at": iso(at), "revision_number": revision}
        return {**document, **told, "admin_state_up": port not in self.closed}

    def _floating_ips(self) -> dict[int, dict[str, Document]]:
        found: dict[int, dict[str, Document]] = {}
        for number in self._floating:
            found.setdefault(self._owner(number), {})[name_of("floating", number)] = self.floating_ip(number)
        return found

    def _agent(self, host: str, binary: str) -> Document:
        state = {"alive": host not in self.dead, "admin_state_up": host not in self.paused}
        return {**super()._agent(host, binary), **state}

    # -- what a scan sees ----------------------------------------------------------------------------

    def everything(self) -> Iterator[Seen]:
        """Yield what a scan of the whole cell sees, in the order of the scan plan."""
        return (seen for seen in self.sights() if seen.documents)

    def below(self, host: str) -> Iterator[Seen]:
        """Yield what a scan of one host sees; a sight of nothing says what is looked for and not there."""
        return self.machine(host)


def iso(at: int) -> str:
    """Answer a moment (microseconds) as the APIs write it."""
    return datetime.fromtimestamp(at // SECOND, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
