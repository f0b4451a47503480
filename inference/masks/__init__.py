"""What of a picture is the subject: one module for each source of a mask, float32 (H, W) in [0, 1] from each.

``stored`` (a mask image), ``clean_plate`` (the same picture without the subject), ``chroma_key`` (a screen
of one colour); ``foreground`` keeps the background out of the colours of soft edges, ``checks`` says what is wrong with
a mask. Colours mix in linear light, as they do on a sensor.
"""
