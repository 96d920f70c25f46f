"""Kill the Telegram bot at any point while people write, and see that each gets one answer, in order."""
