"""One's own past turns: labelled, decided again, measured, compared, tuned with sliders."""
