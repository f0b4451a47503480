"""Jobs for render farms, in the standard library alone."""
