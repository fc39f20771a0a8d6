"""People on foot with phones: where they truly were, and what their phones said. Pure: seeded, without clock or I/O."""
