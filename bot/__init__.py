"""Front ends: the command line, the terminal, Telegram, MCP, an OpenAI-compatible server, notebooks."""
