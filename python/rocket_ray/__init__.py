"""Rocket on Ray: the gateway as a Ray Serve application. docs/ray.md says how it is used."""
