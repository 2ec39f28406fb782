"""How property tests run: no deadlines (the machines are shared), and the same examples in CI every time."""

import os

from hypothesis import HealthCheck, settings

settings.register_profile(
    "calipso", deadline=None, derandomize="CI" in os.environ, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("calipso")
