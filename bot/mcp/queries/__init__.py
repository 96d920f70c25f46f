"""Queries of the MCP server and their answers."""
