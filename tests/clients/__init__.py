"""LangChain's own clients against the real server, only collected on request, as by `make test-clients`."""
