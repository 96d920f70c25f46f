"""Content of a Telegram message."""
