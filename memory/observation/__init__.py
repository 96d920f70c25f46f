"""What a turn took and recalled, in numbers."""
