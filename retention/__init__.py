"""Deletes from MongoDB what is older than the retention, once everybody who needs it has it."""
