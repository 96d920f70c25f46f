"""Front ends: the command line, the terminal, and what Telegram, MCP and notebooks share."""
