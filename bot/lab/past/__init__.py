"""An owner's past turns: label them, decide them again, measure and compare settings, tune with sliders."""
