"""Monitoring: metrics, alert rules and dashboards, and messages to people."""
