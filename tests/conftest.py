"""How property tests run: no deadlines (the machines are shared), and the same examples in CI every time.

Also where the servers of the tests come from: each starts once a run, when the first test asks for it.
"""

import os

from hypothesis import HealthCheck, settings

pytest_plugins = ["tests.servers.kafka", "tests.servers.mariadb", "tests.servers.mongo", "tests.servers.rabbitmq"]

settings.register_profile(
    "calipso", deadline=None, derandomize="CI" in os.environ, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("calipso")
