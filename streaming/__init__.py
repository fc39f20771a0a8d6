"""From MongoDB's change stream to Kafka (producer), and from Kafka to trajectories (analytics, on Spark)."""
