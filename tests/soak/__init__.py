"""The whole stack for as long as asked, under random mischief: `make soak FOR=10m SEED=7`."""
