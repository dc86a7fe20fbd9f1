"""Kills each stage at each file-system step that it takes, starts it again, and looks what is lost."""
