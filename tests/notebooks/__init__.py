"""The notebooks, run top to bottom: `make notebooks`, or `python -m tests.notebooks FOLDER [NAME...]`."""
