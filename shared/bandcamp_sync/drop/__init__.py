"""The drop place: how a login gets from the dashboard to the scraper, and what the scraper says of it."""
