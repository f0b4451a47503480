"""Two neighbouring views: which pairs, their rectification, and the classical start of their disparity.

Terms: the *subject* is what the rig stands around, a person mostly; *angles* between cameras are those seen from its
centre. ``pairs`` needs numpy alone; the other modules belong to the worker.
"""
