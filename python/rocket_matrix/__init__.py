"""The Matrix bot: people in rooms ask models through Rocket. docs/matrix.md says how to run it."""
