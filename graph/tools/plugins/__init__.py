"""Plugins: loading, services, and the network and process limits around them."""
