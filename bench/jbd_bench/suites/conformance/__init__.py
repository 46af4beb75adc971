"""A board keeps to the wire: frames, registers, statuses, factory mode, FETs."""
