"""What of a changed object joins are to ask again."""

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from projections.inventory import Obj, Ref
from projections.reading import changed, moved
from projections.vedge_ports import ALL, bridged, by_bridge, by_name, by_peer
from schemas.canonical import encode

Part = Callable[[Obj], Mapping[Any, Any]]


def vedge(**ports: dict[str, object]) -> Obj:
    """Answer a vedge with these ports on its integration bridge."""
    on_bridge = {name: {"bridge": "br-int", **port} for name, port in ports.items()}
    return Obj(Ref("vedge", "v"), Ref("host", "h"), encode({"ports": on_bridge}))


def entries(before: Obj, after: Obj, parts: Part) -> set[Any]:
    """Answer the keys of a part whose entries moved."""
    return {read[-1] for read in moved(before, after, [parts])}


@pytest.mark.parametrize(("old", "new"), [(1, True), (0, False), (1, 1.0), (1, 2), (1, None)])
def test_a_part_moves_where_its_entry_is_another_to_json(old: object, new: object) -> None:
    before, after = vedge(p={"tag": old}, q={"tag": 7}), vedge(p={"tag": new}, q={"tag": 7})
    assert changed(before, after) == {"ports"}
    assert entries(before, after, by_name) == {"p"}
    assert entries(before, after, by_bridge) == {"br-int"}
    assert entries(before, after, bridged) == {ALL}
    assert entries(before, after, by_peer) == set()


def test_what_stays_the_same_does_not_move_while_something_beside_it_does() -> None:
    before, after = vedge(p={"tag": 1}, q={"tag": 7}), vedge(p={"tag": True}, q={"tag": 8}, r={"tag": 1})
    assert entries(before, after, by_name) == {"p", "q", "r"}
    assert entries(before, vedge(p={"tag": 1}, q={"tag": 8}), by_name) == {"q"}
    assert entries(before, vedge(p={"tag": 1}), by_name) == {"q"}


def test_a_part_of_what_json_does_not_know_moves_where_it_is_not_equal() -> None:
    def kinds(obj: Obj) -> Mapping[str, object]:
        return {name: {obj.id, (name, "of", obj.type), port["tag"]} for name, port in by_name(obj).items()}

    before, after = vedge(p={"tag": 1}, q={"tag": 7}), vedge(p={"tag": 1}, q={"tag": 8})
    assert entries(before, after, kinds) == {"q"}
