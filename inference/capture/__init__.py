"""Calibrated captures from files: one module for each calibration format, and the photographs behind them."""
