"""The verbs of `./dev`. Standard library only, so that a fresh machine can run it at once."""
