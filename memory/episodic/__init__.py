"""L3: the verbatim archive, its vectors and its search."""
