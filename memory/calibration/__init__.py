"""Fits of the gap filter's logistic models."""
