"""Lives of the small cloud, told in full to one Calipso and with losses to another.

What the first knows is the truth that a scan then finds; where the second differs, it was not told.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from projections.change import Kind
from projections.drift.finding import changed
from projections.inventory import Obj, Ref
from schemas.canonical import Document, decode_document
from schemas.events import Scope
from tests.unit.notified import LISTS, REGION, Lab, Row, resource, versioned

Told = tuple[str, Any]
Fact = tuple[Ref, str | None]
"""An object with one of its fields; None: whether it is there."""


EVERYWHERE = {
    *(Scope(entry, *REGION) for entry in LISTS),
    *(Scope("instance", "host", host) for host in ("h1", "h2")),
}
"""Places that a scan looks at even if nothing is known there."""


class Life:
    """Makes up what happens in a cloud, as it would be told."""

    def __init__(self, seed: int) -> None:
        """Begin with nothing of its own."""
        self._chance = random.Random(seed)
        self._made: dict[str, list[str]] = {"network": [], "port": [], "floatingip": [], "instance": []}
        self._revision = 10
        self._body: dict[str, Document] = {}

    def happen(self, times: int) -> Iterator[Told]:
        """Yield what is told of so many things that happen."""
        for _ in range(times):
            self._revision += 1
            kind = self._chance.choice(tuple(self._made))
            ids = self._made[kind]
            act = self._chance.choice(("create", "update", "update", "update", "delete")) if ids else "create"
            yield from self._act(kind, act)

    def _act(self, kind: str, act: str) -> Iterator[Told]:
        ids = self._made[kind]
        if act == "create":
            name = f"{kind}{self._revision}"
            ids.append(name)
            self._body[name] = self._born(kind)
        name = ids[-1] if act == "create" else self._chance.choice(ids)
        if act == "delete":
            ids.remove(name)
        if act == "update":
            self._body[name] |= self._news(kind)
        yield self._instance(name, act) if kind == "instance" else self._resource(kind, name, act)

    def _born(self, kind: str) -> Document:
        if kind == "port":
            mac = f"m{self._revision}"
            return {"network_id": "net", "device_id": "", "mac_address": mac, "name": "", "admin_state_up": True}
        if kind == "floatingip":
            address = f"172.0.1.{self._revision}"
            return {"floating_ip_address": address, "fixed_ip_address": None, "port_id": None, "router_id": None}
        return {"name": f"n{self._revision}"} if kind == "network" else {"host": "h1", "state": "active"}

    def _news(self, kind: str) -> Document:
        word = f"x{self._revision}"
        choices: dict[str, list[Document]] = {
            "network": [{"name": word}, {"admin_state_up": self._chance.random() < 0.5}],
            "port": [{"name": word}, {"admin_state_up": self._chance.random() < 0.5}, {"device_id": "i"}],
            "floatingip": [{"port_id": "pa", "router_id": "r"}, {"port_id": None, "router_id": None}],
            "instance": [{"name": word}, {"state": "stopped"}, {"state": "active"}, {"host": "h2"}, {"host": "h1"}],
        }
        return self._chance.choice(choices[kind])

    def _resource(self, kind: str, name: str, act: str) -> Told:
        body = {f"{kind}_id": name} if act == "delete" else resource(kind, name, self._revision, **self._body[name])
        return f"{kind}.{act}.end", body

    def _instance(self, name: str, act: str) -> Told:
        stamp = f"2026-11-22T{self._revision // 3600:02}:{self._revision // 60 % 60:02}:{self._revision % 60:02}Z"
        said = self._body[name] | ({"state": "deleted"} if act == "delete" else {})
        return f"instance.{act}.end", versioned(name, updated_at=stamp, **said)


@dataclass
class Loss:
    """Two that were told of the same life, the second with losses."""

    truth: Lab = field(default_factory=Lab)
    believed: Lab = field(default_factory=Lab)
    lost: int = 0
    _turned: dict[Fact, int] = field(default_factory=dict)
    """Of each fact, behind which offset of the second its last change stood, or would have stood."""

    def __post_init__(self) -> None:
        """Look at all places, those that hold nothing yet as well."""
        self.scan()

    def live(self, life: Iterator[Told], chance: random.Random, share: float) -> None:
        """Tell a life, losing that share of it."""
        for event_type, payload in life:
            behind = self.believed.fold.offset
            before = objects(self.truth)
            self.truth.tell(event_type, payload)
            self._turned |= dict.fromkeys(differences(before, objects(self.truth)), behind)
            if chance.random() < share:
                self.lost += 1
                self.believed.now = self.truth.now
            else:
                self.believed.tell(event_type, payload)

    def missed(self) -> set[Fact]:
        """Answer the facts that the second does not know."""
        return differences(objects(self.believed), objects(self.truth))

    def scan(self) -> dict[Fact, tuple[int, int]]:
        """Let a scan look at the truth, and answer what it says was missed: after and before which offset."""
        rows = list(seen(self.truth))
        known = [self.believed.fold.inventory.scopes(), self.truth.fold.inventory.scopes()]
        covered = {scope for scopes in known for scope in scopes} | EVERYWHERE
        self.believed.scan(rows, covered)
        return found(self.believed)

    def turned(self, fact: Fact) -> int:
        """Answer behind which offset the last change of a fact stood."""
        return self._turned[fact]


def objects(lab: Lab) -> dict[Ref, Obj]:
    """Answer all objects."""
    inventory = lab.fold.inventory
    return {obj.ref: obj for kind in inventory.types() for obj in inventory.of_type(kind)}


def differences(before: dict[Ref, Obj], after: dict[Ref, Obj]) -> set[Fact]:
    """Answer the facts that differ."""
    both = before.keys() & after.keys()
    fields: set[Fact] = {(ref, name) for ref in both for name in changed(before[ref], after[ref])}
    return fields | {(ref, None) for ref in before.keys() ^ after.keys()}


def seen(lab: Lab) -> Iterator[Row]:
    """Yield what a scan sees."""
    for obj in objects(lab).values():
        scope = lab.fold.inventory.scope_of(obj.ref)
        assert scope is not None
        place = (scope.entry, scope.parent_type, scope.parent_id)
        yield (*place, obj.type, *obj.parent, obj.id, dict(obj.document))


def found(lab: Lab) -> dict[Fact, tuple[int, int]]:
    """Answer what the newest scan says was missed, and the offsets between which it was lost."""
    answer: dict[Fact, tuple[int, int]] = {}
    for key, value in lab.fold.everything():
        if key.kind is Kind.DRIFT:
            finding = decode_document(value)
            for line in finding["lines"]:
                if line["how"] == "missed":
                    place = (line["after"]["offset"], finding["look"]["offset"])
                    answer[Ref(key.type, key.id), line["field"]] = place
    return answer
