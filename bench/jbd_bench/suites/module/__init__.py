"""What a Bluetooth module does between a phone and the board, by the frames of both."""
