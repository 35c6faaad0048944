"""What the suites share: programs under test, upstreams, and clients that see every byte."""
