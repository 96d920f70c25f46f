"""The notebooks, run top to bottom: `make notebooks`, `make notebooks-update`."""
