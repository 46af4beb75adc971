"""A board protects its cells: every protection of its own settings, at its edges."""
