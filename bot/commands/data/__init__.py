"""The commands on an owner's data: import, export, forget, backup."""
