"""Tool calls that models write into their text: read, kept from people's eyes, and told from quotations."""

from memory.markup.models import Parsed, WrittenCall
from memory.markup.parse import parse_calls
from memory.markup.quoting import quotes_call
from memory.markup.visible import VisibleText

__all__ = ["Parsed", "VisibleText", "WrittenCall", "parse_calls", "quotes_call"]
