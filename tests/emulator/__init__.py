"""The bot over a Telegram emulator that others wrote: npm's telegram-test-api."""
