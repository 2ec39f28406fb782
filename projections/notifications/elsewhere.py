"""What is told of other things than the topology: it is known, and changes nothing."""

from projections.notifications.handler import Handler, nothing

FAMILIES = (
    *("scheduler", "image", "keypair", "flavor", "metrics", "libvirt", "volume", "snapshot", "backup", "share"),
    *("compute_task", "compute", "qos", "policy", "rule_type", "log", "address_group", "address_scope"),
    *(
        "subnetpool",
        "rbac_policy",
        "quota",
        "metering_label",
        "metering_label_rule",
        "l3.meter",
        "network_ip_availability",
    ),
)
"""First words of event types."""

IDENTITY = ("authenticate", "user", "group", "role", "role_assignment", "domain", "credential", "policy", "trust")
"""Second words, behind `identity`."""


def handler_of(name: str) -> Handler | None:
    """Answer the handler that does nothing, if an event of this name is of something else."""
    words = name.split(".")
    other = words[0] in FAMILIES or (words[0] == "identity" and len(words) > 1 and words[1] in IDENTITY)
    return nothing if other else None
