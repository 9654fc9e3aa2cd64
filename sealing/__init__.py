"""The sealed footage format: segments, records, chains, statements, live. SPEC.md is the authority.

Pure formats: nothing here opens a connection or reads a clock. Every refusal is a `sealing.errors.SealingError`.
"""
