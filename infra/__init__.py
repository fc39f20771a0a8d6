"""The local stack: real MongoDB, Kafka and S3 on this machine, started, watched and stopped."""
