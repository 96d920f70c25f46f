"""Labels for recalled memories: by reactions and in a notebook widget."""
