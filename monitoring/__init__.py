"""Prometheus configuration, alert rules, dashboards, and exporters for the services that have none of their own."""
