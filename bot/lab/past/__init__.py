"""One's own past turns in memory: decided again, measured, compared, tuned with sliders."""
