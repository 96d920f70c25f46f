"""Labels of recalled memories, from reactions and from a notebook widget."""
