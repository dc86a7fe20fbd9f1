"""BandcampSync: keeps a folder of music in step with everything bought on Bandcamp."""

__version__ = "0.1.0"
