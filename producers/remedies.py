"""How to mend a source that does not answer as it should, by what was said of it."""

import re
from typing import Final

_NETWORK = (
    r"refused|timed? ?out|no connection|unreachable|no route|failed to establish|unable to (?:establish|connect)"
    r"|no answer within|transport failure|not known"
    r"|name resolution|temporary failure|silent|lost connection|can't connect"
)

REMEDIES: Final[tuple[tuple[str, str, str], ...]] = (
    ("", r"the secret \S+", "Set it where Calipso runs: the variable (env:NAME) or the file (file:PATH)."),
    ("api", r"clouds\.yaml|no such file|the cloud '", "Put the cloud under the name of 'cloud' into clouds.yaml."),
    ("api", r"401|requires authentication", "Correct user, password and project of the cloud in clouds.yaml."),
    ("api", r"403|forbidden|not authorized", "Give the user of clouds.yaml a role that may list this (admin)."),
    ("api", r"catalogue has no", "Correct 'region', or interface and region_name in clouds.yaml."),
    ("api", r"certificate|ssl", "Name the cloud's certificate authority in clouds.yaml: cacert."),
    ("api", r"5\d\d", "The service itself fails: look into its log."),
    (
        "api",
        _NETWORK,
        "Is its endpoint reachable from here? clouds.yaml says which one is asked.",
    ),
    ("host", r"its key is unknown", "Compare the key with the host's own, then: ssh-keyscan HOST >> known_hosts."),
    ("host", r"its key is not the one", "If the host was made anew: ssh-keygen -R HOST, then ssh-keyscan."),
    ("host", r"is not let in", "Put the public half of 'ssh.key' into authorized_keys of 'ssh.user' there."),
    (
        "host",
        r"was not allowed|a password is required",
        "Let the user run sh there by sudo, without a password.",
    ),
    ("host", r"exit code 12[67]|not found", "Install the tool that is missing there."),
    (
        "host",
        r"permission denied|not permitted",
        "Its user lacks rights: 'ssh.user' = root, or 'ssh.sudo' = true.",
    ),
    ("host", r"jump host", "Correct 'ssh.jump'."),
    ("host", _NETWORK, "Say where it answers under [ssh.hosts.{target}], or through which host under 'ssh.jump'."),
    ("database", r"access denied", "Correct user and password under [database]; GRANT SELECT is enough."),
    ("database", r"no such database", "Say what it is called under [database]: neutron, nova."),
    ("database", r"no such (?:table|column)", "This release keeps it elsewhere: scans go on without it."),
    ("database", _NETWORK, "Is it reachable from here? 'database.host' and 'database.port' say where it is."),
    (
        "bus",
        r"access_refused|sasl|authentication",
        "Correct the user in 'bus.url', and 'bus.password'.",
    ),
    ("bus", r"not_allowed|vhost", "Correct the virtual host in 'bus.url': amqp://user@host:port/vhost."),
    ("bus", r"certificate|ssl", "Name the certificate authority under 'bus.ca'."),
    ("bus", r"none of the (?:exchanges|topics)", "Let the services notify (driver = messagingv2), or correct [bus]."),
    ("bus", _NETWORK, "Is it reachable from here? 'bus.url' says where it is."),
    (
        "ovn",
        r"",
        "A controller or network node must reach both databases by ovn-nbctl and ovn-sbctl.",
    ),
    ("monitoring", r"401|403", "Correct 'monitoring.user' and 'monitoring.password'."),
    ("monitoring", r"certificate|ssl", "Name the certificate authority under 'monitoring.ca'."),
    ("monitoring", r"not connected", "The monitoring server has lost its own servers: look into its log."),
    ("monitoring", _NETWORK, "Is it reachable from here? 'monitoring.url' says where it is."),
)
"""Source (empty: any), what was said (a pattern, whatever its case), and what to do. The first one that fits counts."""


def remedy(source: str, target: str, text: str) -> str:
    """Answer what to do about a source that said this; empty if nothing better is known than what it said."""
    for of, pattern, said in REMEDIES:
        if of in ("", source) and re.search(pattern, text, re.IGNORECASE):
            return said.replace("{target}", target)
    return ""
