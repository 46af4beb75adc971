"""A board answers in time, sleeps and wakes as its clients can bear."""
