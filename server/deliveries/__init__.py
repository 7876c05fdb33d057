"""What reports become once they are made: who gets which of them is written down, then sent, once."""
