"""The law of the incremental cliques: after every step they are what making them all gives."""

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from projections.clique_types import SHIPPED, Recipe
from projections.cliques import Cliques, recompute
from projections.inventory import Obj, Ref, Touched
from projections.links import LinkChange
from schemas.canonical import Document, decode_document, encode
from tests.unit import disturbances, vocabularies
from tests.unit.small_clouds import SmallCloud, bridge, hybrid_vm, instance, network, obj, otep, pnic, vedge, zed_cloud

IMPLICIT = Recipe("implicit", "instance", ("instance-network", "network-vnic"), "ANY", use_implicit_links=True)
ALONE = Recipe("alone", "host_pnic", ("host_pnic-vedge", "vedge-vnic"), "ANY")
MENUS = (SHIPPED, (IMPLICIT, ALONE, *SHIPPED))


def fresh(recipes: tuple[Recipe, ...] = SHIPPED) -> Cliques:
    """Answer cliques of an ordinary environment, with nothing in it."""
    cliques = Cliques(recipes)
    cliques.configure("small", {})
    return cliques


def documents(cliques: Cliques) -> dict[Ref, Document]:
    """Answer the cliques by focal object."""
    return {Ref(key.type, key.id): decode_document(value) for key, value in cliques.stored().items()}


@settings(max_examples=70, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(disturbances.steps, st.sampled_from(MENUS), st.integers(-1, 5))
def test_incremental_cliques_equal_making_them_all_after_every_step(
    steps: list[tuple[str, list[Obj]]], recipes: tuple[Recipe, ...], restart_after: int
) -> None:
    cloud, cliques = zed_cloud(), fresh(recipes)
    cliques.update(cloud, (), ())
    follow(cloud, cliques, recipes, steps, restart_after)


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(vocabularies.steps, st.sampled_from(MENUS))
def test_so_they_do_for_objects_at_random(steps: list[tuple[str, list[Obj]]], recipes: tuple[Recipe, ...]) -> None:
    follow(SmallCloud(), fresh(recipes), recipes, steps, None)


def raw(document: Document | None) -> bytes | None:
    """Answer a clique as a change tells it."""
    return None if document is None else encode(document)


def follow(
    cloud: SmallCloud,
    cliques: Cliques,
    recipes: tuple[Recipe, ...],
    steps: list[tuple[str, list[Obj]]],
    restart_after: int | None,
) -> None:
    """Take the steps, beginning again from what was stored after one of them, and hold the law at each."""
    cliques = restarted(cliques, recipes) if restart_after == -1 else cliques
    for number, (verb, objects) in enumerate(steps):
        before = recompute(cloud, cliques.chosen)
        refs = list(dict.fromkeys(each.ref for each in objects))
        touched, links = cloud.put(*objects) if verb == "put" else cloud.remove(*refs)
        changes = cliques.update(cloud, touched, links)
        after = recompute(cloud, cliques.chosen)
        assert documents(cliques) == {Ref(key.type, key.id): value for key, value in after.items()}
        assert changes == [
            (key, raw(before.get(key)), raw(after.get(key)))
            for key in sorted(before.keys() | after.keys())
            if before.get(key) != after.get(key)
        ]
        cliques = restarted(cliques, recipes) if number == restart_after else cliques


def restarted(cliques: Cliques, recipes: tuple[Recipe, ...]) -> Cliques:
    """Answer cliques that begin again from what was stored."""
    again = fresh(recipes)
    again.restore(cliques.stored().values())
    return again


def settled(cloud: SmallCloud) -> Cliques:
    """Answer the cliques of a cloud."""
    cliques = fresh()
    cliques.update(cloud, (), ())
    return cliques


def changed(cloud: SmallCloud, cliques: Cliques, *objects: Obj) -> list[str]:
    """Take objects in and answer the focal objects whose clique changed."""
    return [f"{key.type} {key.id}" for key, _, _ in cliques.update(cloud, *cloud.put(*objects))]


def test_other_recipes_make_all_cliques_again() -> None:
    cloud = zed_cloud()
    cliques = settled(cloud)
    cliques.configure("small", {"distribution": "Debian"})
    assert cliques.update(cloud, (), ()) == []
    cliques.configure("small", {"distribution": "Mercury"})
    changes = cliques.update(cloud, (), ())
    assert {decode_document(after)["clique_type"] for _, _, after in changes if after} == {
        "Mercury instance",
        "Mercury network",
        "Mercury vservice",
    }
    assert documents(cliques) == {Ref(k.type, k.id): v for k, v in recompute(cloud, cliques.chosen).items()}


def test_only_cliques_that_can_see_a_change_are_made_again() -> None:
    cloud = zed_cloud()
    cliques = settled(cloud)
    made = counted(cliques)
    cliques.update(cloud, *cloud.put(*hybrid_vm("vm-e", "e", "ops", "m:e", "h2")))
    assert set(made) == {"instance vm-e", "network ops", "host_pnic h2-eth2"}


def counted(cliques: Cliques) -> list[str]:
    """Answer a list that names each focal object when its clique is made again."""
    made: list[str] = []
    rebuild = cliques._rebuild

    def noted(focal: Ref, graph: SmallCloud) -> object:
        made.append(f"{focal.type} {focal.id}")
        return rebuild(focal, graph)

    cliques._rebuild = noted  # type: ignore[method-assign, assignment]  # counts what the law does not show
    return made


def test_the_state_of_a_link_does_not_make_a_clique_again() -> None:
    cloud = zed_cloud()
    cliques = settled(cloud)
    made = counted(cliques)
    cliques.update(cloud, *cloud.put(pnic("eth1", "h1", state="down")))
    assert made == ["host_pnic h1-eth1"]


def test_a_network_that_gets_another_segment_bounds_its_members_anew() -> None:
    cloud = zed_cloud()
    assert "instance vm-a" in changed(cloud, settled(cloud), network("web", "vlan", "physnet1", 11))


def test_a_network_that_no_port_joins_to_the_object_still_bounds_it() -> None:
    cloud = zed_cloud()
    cloud.put(instance("vm-a", "h1", ["public", "web"]))
    cliques = settled(cloud)
    assert "instance vm-a" in changed(cloud, cliques, network("public", "flat", "elsewhere", None))
    again = restarted(cliques, SHIPPED)
    assert "instance vm-a" in changed(cloud, again, network("public", "flat", "nowhere", None))


def test_a_nic_is_bounded_anew_when_tunnels_come_to_the_bridge_above_it() -> None:
    cloud = zed_cloud()
    cloud.put(bridge("br-vtep", ["br-vtep", "eth2.7"], "h3", connector_type="ovs_bridge"), otep("", "h3"))
    cloud.put(pnic("eth2", "h3"), vedge({"eth2": {"bridge": "br-prv"}}, {"physnet1": "br-prv"}, "h3"))
    cliques = settled(cloud)
    assert changed(cloud, cliques, otep("br-vtep", "h3")) == ["host_pnic h3-eth2"]


def test_the_clique_of_an_object_that_goes_goes_with_it() -> None:
    cloud = zed_cloud()
    cliques = settled(cloud)
    gone = cliques.update(cloud, *cloud.remove(Ref("instance", "vm-a")))
    assert ("vm-a", None) in [(key.id, after) for key, _, after in gone]
    assert Ref("instance", "vm-a") not in cliques._asked


def test_a_restored_clique_is_there_and_a_focal_object_without_one_can_still_get_one() -> None:
    cloud = zed_cloud()
    cloud.put(instance("bare", "h1", ["web"]))
    before = settled(cloud)
    after = restarted(before, SHIPPED)
    assert after.stored() == before.stored()
    assert after.get(Ref("instance", "vm-a")) == before.get(Ref("instance", "vm-a"))
    assert len(after) == len(before)
    nothing: tuple[list[Touched], list[LinkChange]] = ([], [])
    assert after.update(cloud, *nothing) == []
    bare = hybrid_vm("bare", "b", "web", "m:n", "h1")[1:]
    assert "instance bare" in changed(cloud, after, *bare)


def test_an_object_that_is_no_focal_point_has_no_clique() -> None:
    cloud = SmallCloud([obj("host", "h1")])
    assert settled(cloud).get(Ref("host", "h1")) is None
