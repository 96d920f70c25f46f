"""The Telegram bot: inbox, workers, access, media, commands, outbox."""
