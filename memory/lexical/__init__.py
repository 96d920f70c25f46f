"""Words: stems, stop words and the BM25 index."""
