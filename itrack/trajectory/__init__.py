"""The mobility logic: pure, without input and output, clocks, Spark or pandas. Stream, batch and tests call the same."""
