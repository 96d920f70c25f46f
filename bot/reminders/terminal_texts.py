"""English texts about reminders that appear in an owner's terminals."""

from collections.abc import Sequence

from bot.reminders.reminder_desk import SetReminder
from bot.reminders.reminder_list import set_text

_TEXTS = {
    "reminder_days": "Mon Tue Wed Thu Fri Sat Sun",
    "reminder_hourly": "every hour",
    "reminder_daily": "every day",
    "reminder_weekly": "every week",
    "reminder_monthly": "every month",
    "reminder_yearly": "every year",
    "reminder_minutely_many": "every {count} minutes",
    "reminder_hourly_many": "every {count} hours",
    "reminder_daily_many": "every {count} days",
    "reminder_weekly_many": "every {count} weeks",
    "reminder_monthly_many": "every {count} months",
    "reminder_yearly_many": "every {count} years",
    "reminder_workdays": "every weekday",
    "reminder_on_days": "every {days}",
    "reminder_set": "I will remind you: {text}\n{time} ({zone}). /reminders lists, moves and ends them.",
    "reminder_when": "When shall I remind you? Say it in one line: remind me tomorrow at 9 to call the bank",
    "reminder_offer": "A reminder on {time}? /reminders yes sets it.",
    "reminder_ended": "Reminder ended: {text}",
    "reminder_gone": "This reminder is not there any more.",
    "reminder_unknown": "There is no reminder {number}.",
    "reminder_no_time": "There is no time to come in {words}. Write it as: /reminders 2 tomorrow at 10",
    "reminder_line": "{number}  {time}: {text}",
    "reminder_late": "Late: this was due {time}; no terminal was open then.",
    "reminders_none": "There are no reminders. Say for example: remind me on Friday at 9 to call the notary",
    "reminders_title": "Reminders",
    "reminders_usage": "/reminders 2 tomorrow at 10 moves number 2, /reminders 2 end ends it.",
}


def say(key: str, /, **values: object) -> str:
    return _TEXTS[key].format(**values)


def answer_to(found: Sequence[SetReminder]) -> tuple[str | None, str]:
    """Return the answer to a message that asks for reminders alone, else None; and the note below it."""
    texts = [set_text(one.reminder, say, str) if one.reminder else say("reminder_when") for one in found]
    text = "\n".join(texts)
    return (text, "") if found[0].request.is_whole else (None, text)
