"""What agent, cloud and browser say to each other: messages, states, limits, signatures.

Pure: no I/O, no clock, no Django. Imports `sealing` alone. Formats of stored things are in `sealing/SPEC.md`.
"""
