"""Examples take as long as they take: a machine that runs tests is shared, and slow at times."""

from hypothesis import settings

settings.register_profile("unit", deadline=None)
settings.load_profile("unit")
