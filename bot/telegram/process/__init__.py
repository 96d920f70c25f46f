"""The bot as a process: intake, workers, health, shutdown."""
