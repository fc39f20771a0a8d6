"""A stand-in Traccar: a test double that behaves as a real one does towards its clients, traps included.

In tests: `with stand_in_traccar() as traccar:` gives `web_url`, `osmand_url`, `token`, `stored_positions()` and the
switches to make it misbehave. As a program of its own: `itrack stand-in`.
"""

from simulator.stand_in.server import StandIn, stand_in_traccar

__all__ = ["StandIn", "stand_in_traccar"]
