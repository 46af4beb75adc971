"""A board shows what it measures: every cell, probe and current in its place and size."""
