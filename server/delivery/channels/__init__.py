"""What each service outside wants to be told in, and what its answers mean: pure, whoever carries it there."""
