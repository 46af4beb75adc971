"""CLIENT: the clients of the field, and what each reaches on the board under test."""
