"""Tool calls that models write into their text: read, kept from people's eyes, and told from quotations."""

from memory.markup.quotation import quotes_call
from memory.markup.reader_state import Parsed, WrittenCall
from memory.markup.scanner import VisibleText, parse_calls

__all__ = ["Parsed", "VisibleText", "WrittenCall", "parse_calls", "quotes_call"]
