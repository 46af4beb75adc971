"""PINs: what each firmware does with 06, 07 and 09, and what a PIN locks."""
