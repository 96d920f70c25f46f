"""Backups of a data folder: consistent, incremental, verified, encrypted on request."""
