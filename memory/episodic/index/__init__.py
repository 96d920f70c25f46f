"""Vectors that follow the log, after a crash too."""
