"""Agents of Neutron: what an operator does to them. That one dies or comes back no notification tells."""

from projections.inventory import Obj, Ref
from projections.notifications.draft import Draft
from projections.notifications.handler import Handler
from projections.notifications.resources import deleted, text, told
from schemas import neutron
from schemas.canonical import Document
from schemas.events import Scope


def agent_told(draft: Draft) -> None:
    """Write agents, and what the vEdge of one says of it."""
    for body in told(draft.notification.payload, "agent"):
        _agent(draft, body)


def _agent(draft: Draft, body: Document) -> None:
    host = Ref("host", text(body["host"]))
    ref = Ref("network_agent", f"{text(body['binary'])}-{body['id']}")
    if draft.get(*host) is None:
        draft.ask(draft.region)
    elif draft.takes(ref, host):
        known, document = draft.get(*ref), neutron.agent(body)
        document = document if known is None else {**known.document, **document}
        draft.put(ref, host, Scope("network-agent", *host), document)
        vedge = draft.get("vedge", body["id"])
        if vedge is not None:
            same = {name: value for name, value in document.items() if name not in ("name", "configurations")}
            draft.change(vedge, {name: value for name, value in same.items() if name in vedge.document})


def agent_deleted(draft: Draft) -> None:
    """Remove agents; their hosts are asked what is left, and the APIs whether the hosts still are."""
    for agent_id in deleted(draft.notification.payload, "agent"):
        for agent in _agents(draft, agent_id):
            draft.bury(agent.ref)
            draft.ask(agent.parent, draft.region)


def work_given(draft: Draft) -> None:
    """Ask the host of an agent that was given a network or a router, or relieved of one."""
    for body in told(draft.notification.payload, "agent"):
        draft.ask(draft.region, *(agent.parent for agent in _agents(draft, body["id"])))


def _agents(draft: Draft, agent_id: str) -> list[Obj]:
    return [agent for agent in draft.of_type("network_agent") if agent.id.endswith(f"-{agent_id}")]


HANDLERS: dict[str, Handler] = {
    "agent.create": agent_told,
    "agent.update": agent_told,
    "agent.delete": agent_deleted,
    "dhcp_agent.network.add": work_given,
    "dhcp_agent.network.remove": work_given,
    "l3_agent.router.add": work_given,
    "l3_agent.router.remove": work_given,
}
