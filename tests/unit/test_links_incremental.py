"""The law of the incremental links: after every step they are what a full recomputation gives."""

from hypothesis import HealthCheck, given, settings

from projections.inventory import Obj, Ref
from projections.link import Link
from projections.links import Links, chosen, recompute
from projections.rules.rule import Rule, own_id
from schemas.canonical import encode
from tests.unit import disturbances, vocabularies
from tests.unit.small_clouds import SmallCloud, obj, zed_cloud


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(vocabularies.steps)
def test_incremental_links_equal_the_full_recomputation_after_every_step(steps: list[tuple[str, list[Obj]]]) -> None:
    follow(SmallCloud(), steps)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(disturbances.steps)
def test_so_they_do_where_a_cloud_that_works_is_disturbed(steps: list[tuple[str, list[Obj]]]) -> None:
    follow(zed_cloud(), steps)


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(vocabularies.clouds, vocabularies.alterations)
def test_so_they_do_where_any_attribute_of_any_object_changes(
    objects: list[Obj], alterations: list[vocabularies.Alteration]
) -> None:
    cloud = SmallCloud(objects)
    for alteration in alterations:
        altered = alteration.of(list(cloud.of_type(alteration.donor.type)))
        if altered is not None:
            follow(cloud, [("put", [altered])])


def follow(cloud: SmallCloud, steps: list[tuple[str, list[Obj]]]) -> None:
    """Take the steps and hold the law at each."""
    for verb, objects in steps:
        before = cloud.all_links()
        refs = list(dict.fromkeys(each.ref for each in objects))
        _, changes = cloud.put(*objects) if verb == "put" else cloud.remove(*refs)
        after = recompute(cloud.inventory)
        assert cloud.all_links() == after
        assert changes == [
            (key, before.get(key), after.get(key))
            for key in sorted(before.keys() | after.keys())
            if before.get(key) != after.get(key)
        ]
        for ref in {end for link in after.values() for end in (link.source, link.target)}:
            at = [link for link in after.values() if ref in (link.source, link.target)]
            assert cloud.joined.at(ref) == sorted(at, key=lambda link: link.key)


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(vocabularies.steps)
def test_the_way_to_an_inventory_does_not_show_in_its_links(steps: list[tuple[str, list[Obj]]]) -> None:
    cloud = SmallCloud()
    for verb, objects in steps:
        refs = list(dict.fromkeys(each.ref for each in objects))
        _ = cloud.put(*objects) if verb == "put" else cloud.remove(*refs)
    fresh = Links()
    fresh.rebuild(cloud.inventory)
    assert [encode(link.document()) for link in fresh] == [encode(link.document()) for link in cloud.joined]
    assert (fresh._joined, fresh._askers.kept) == (cloud.joined._joined, cloud.joined._askers.kept)


def test_of_two_joins_that_give_one_link_the_first_by_its_json_stands_until_it_goes() -> None:
    def join(key: str, view: object) -> list[Link]:
        made = view.get("host", key)  # type: ignore[attr-defined]  # the rule's own view, typed loosely here
        name = made.get("label") if made else ""
        return [Link(Ref("host", "x"), Ref("host", "y"), name, "up", None, False, {})] if made else []

    links = Links([Rule("host-host", {"host": own_id}, join)])
    cloud = SmallCloud()
    for name, label in (("b", "2"), ("a", "3"), ("c", "1")):
        touched, _ = cloud.put(obj("host", name, label=label))
        links.update(cloud.inventory, touched)
    assert [link.name for link in links] == ["1"]
    touched, _ = cloud.remove(Ref("host", "c"))
    assert [(b and b.name, a and a.name) for _, b, a in links.update(cloud.inventory, touched)] == [("1", "2")]
    assert chosen(links).name == "2"
