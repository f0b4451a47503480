"""The example person: a posed avatar in a ring of eight cameras, rendered by the scripts of the training data."""
