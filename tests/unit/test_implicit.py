"""The transitive closure of links."""

from hypothesis import given
from hypothesis import strategies as st

from projections.implicit import around, closure, passes, reachable
from projections.inventory import Obj, Ref
from projections.link import Link
from tests.unit.small_clouds import zed_cloud


def chained(source: str, target: str, state: str = "up", host: str | None = None, **attributes: object) -> Link:
    """Answer an explicit link between objects written `type:id`."""
    return Link(Ref(*source.split(":")), Ref(*target.split(":")), "", state, host, False, dict(attributes))


CHAIN = [
    chained("instance:i", "vnic:v"),
    chained("vnic:v", "vconnector:c"),
    chained("vconnector:c", "vedge:e"),
    chained("vedge:e", "host_pnic:p"),
]


class Drawn:
    """A graph of nothing but links."""

    def __init__(self, links: list[Link]) -> None:
        """Hold the links, one for each key."""
        self.all = sorted({link.key: link for link in links}.values(), key=lambda link: link.key)

    def get(self, ref: Ref) -> Obj | None:  # noqa: ARG002 - a graph answers this, but no test of links asks it
        """Know no object."""
        return None

    def links(self, ref: Ref) -> list[Link]:
        """Answer the links at an object."""
        return [link for link in self.all if ref in (link.source, link.target)]


def named(links: list[Link]) -> list[str]:
    """Answer types and ends, sorted."""
    return sorted(f"{link.type} {link.key.id}" for link in links)


def test_a_chain_of_four_links_gives_three_then_two_then_one() -> None:
    assert [named(made) for made in passes(CHAIN)] == [
        ["instance-vconnector i|c", "vconnector-host_pnic c|p", "vnic-vedge v|e"],
        ["instance-vedge i|e", "vnic-host_pnic v|p"],
        ["instance-host_pnic i|p"],
    ]


def test_the_closure_is_what_the_passes_give_together() -> None:
    links = closure(CHAIN)
    assert named(links) == sorted(name for made in passes(CHAIN) for name in named(made))
    assert {(link.implicit, link.name) for link in links} == {(True, "")}


def test_an_implicit_link_is_down_if_one_link_of_its_chain_is() -> None:
    (made,) = closure([chained("instance:i", "vnic:v"), chained("vnic:v", "vedge:e", "down")])
    assert made.state == "down"


def test_it_stands_on_a_host_if_its_links_name_no_other() -> None:
    first, last = chained("instance:i", "vnic:v", host="h1"), chained("vnic:v", "port:p")
    assert closure([first, last])[0].host == "h1"
    assert closure([first, chained("vnic:v", "port:p", host="h2")])[0].host is None


def test_only_attributes_that_bound_are_kept_and_what_differs_does_not_join() -> None:
    first = chained("instance:i", "vnic:v", network=["a", "b"], colour="red")
    assert closure([first, chained("vnic:v", "vedge:e", network=["b"])])[0].attributes == {"network": ["b"]}
    assert closure([first, chained("vnic:v", "vedge:e")])[0].attributes == {"network": ["a", "b"]}
    assert closure([first, chained("vnic:v", "vedge:e", network=["c"])]) == []


def test_two_networks_that_share_a_way_both_reach_its_end() -> None:
    links = [
        chained("instance:i", "vnic:a", network=["a"]),
        chained("instance:i", "vnic:b", network=["b"]),
        chained("vnic:a", "vedge:e", network=["a"]),
        chained("vnic:b", "vedge:e", network=["b"]),
        chained("vedge:e", "network:a", network=["a"]),
        chained("vedge:e", "network:b", network=["b"]),
    ]
    made = {link.key.id: link.attributes for link in closure(links) if link.source.type == "instance"}
    assert made == {
        "i|e": {"network": ["a", "b"]},
        "i|a": {"network": ["a"]},
        "i|b": {"network": ["b"]},
    }


def test_a_cycle_ends() -> None:
    ring = [chained("a:1", "b:1"), chained("b:1", "c:1"), chained("c:1", "a:1")]
    assert named(closure(ring)) == ["a-c 1|1", "b-a 1|1", "c-b 1|1"]


def test_an_explicit_link_is_not_overwritten_and_chains_go_on_from_it() -> None:
    explicit = chained("instance:i", "vconnector:c", network=["x"])
    links = closure([*CHAIN, explicit])
    assert "instance-vconnector i|c" not in named(links)
    assert next(link for link in links if link.key.id == "i|p").attributes == {"network": ["x"]}


def test_an_instance_of_the_small_cloud_reaches_its_own_network_only() -> None:
    cloud = zed_cloud()
    reached = {link.target.id for link in reachable(Ref("instance", "vm-a"), cloud) if link.target.type == "network"}
    assert reached == {"web"}


ENDS = st.builds(lambda t, i: f"{t}:{i}", st.sampled_from("abcd"), st.sampled_from("12"))
NETS = st.sampled_from([{}, {"network": ["x"]}, {"network": ["y"]}, {"network": ["x", "y"]}])


@given(st.lists(st.builds(lambda s, t, n: chained(s, t, **n), ENDS, ENDS, NETS), max_size=9))
def test_what_is_found_from_one_object_is_what_the_closure_has_at_it(links: list[Link]) -> None:
    graph = Drawn(links)
    whole = closure(graph.all)
    for ref in {end for link in graph.all for end in (link.source, link.target)}:
        assert reachable(ref, graph) == [link for link in whole if link.source == ref]
        assert around(ref, graph).links == [link for link in whole if ref in (link.source, link.target)]
