"""Every client of the field reaches at least what it is known to reach."""
