"""The buttons under an answer. They name no turn: the message that they stand under does."""

from enum import StrEnum

from telegram import InlineKeyboardButton, InlineKeyboardMarkup

from bot.telegram.bot_context import Say

PRESSED = "answer"
"""Beginning of the buttons' data."""


class AnswerButton(StrEnum):
    """A button, by its data after `PRESSED`."""

    WHY = "why"
    WRONG = "wrong"
    FORGET = "forget"
    NOTHING = "nothing"
    """Under the question for a correction: there is none."""

    def drawn(self, say: Say) -> InlineKeyboardButton:
        """Return it as the Bot API takes it."""
        return InlineKeyboardButton(say(f"answer_{self.value}"), callback_data=f"{PRESSED}:{self.value}")


def answer_buttons(say: Say) -> InlineKeyboardMarkup:
    """Return the row under an answer."""
    row = [AnswerButton.WHY, AnswerButton.WRONG, AnswerButton.FORGET]
    return InlineKeyboardMarkup([[button.drawn(say) for button in row]])


def nothing_button(say: Say) -> InlineKeyboardMarkup:
    """Return the button under the question for a correction."""
    return InlineKeyboardMarkup([[AnswerButton.NOTHING.drawn(say)]])
