"""Real servers for the tests, each started once a run on the loopback, from packages that are kept between runs."""
