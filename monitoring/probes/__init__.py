"""One probe a file: what it looks at, and the metrics it yields."""
