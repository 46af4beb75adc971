"""A board outlives noise, damage and floods, and answers the next good request."""
