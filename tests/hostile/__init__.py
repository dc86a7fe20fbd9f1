"""Input made to hurt: archives, audio, pictures and names that no honest sender would send."""
