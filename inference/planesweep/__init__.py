"""Plane sweeps in the frustum of the target camera: volumes, matching, narrowing, and the classical draft.

A plane is a constant disparity (inverse depth, 1 / scene units) along the target's optical axis. A sweep need not be
flat: every pixel may have its own interval of disparities, divided evenly into planes (a curved sweep).
"""
