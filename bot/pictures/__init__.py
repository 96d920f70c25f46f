"""Pictures of turns: their values, and their rendering as images and as terminal text.

Only `picture_values`, `text_pictures` and `painter` import without matplotlib.
"""
