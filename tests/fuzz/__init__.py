"""Fuzzing: each thing that reads strangers' bytes, seeds for it, and a mutator. See `__main__.py`."""
