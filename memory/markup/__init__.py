"""Tool calls in a model's text: parsing, filtering from streams, and detection of quoted ones."""

from memory.markup.quotation import quotes_call
from memory.markup.reader_state import ParsedReply, WrittenCall
from memory.markup.scanner import VisibleText, parse_calls

__all__ = ["ParsedReply", "VisibleText", "WrittenCall", "parse_calls", "quotes_call"]
