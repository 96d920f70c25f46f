"""Statistics of tuning: bounds, resampling, risk-coverage curves."""
