"""The Grafana dashboard: `python -m monitoring.dashboard` writes its file anew from the rows in here."""
