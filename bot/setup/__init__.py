"""`goat setup`: find a model, try it, write the configuration file."""
