"""Logs, spans, redaction, and the record of each turn."""
