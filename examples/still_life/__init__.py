"""The example capture: a still life modelled and rendered by these scripts."""
