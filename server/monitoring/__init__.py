"""What the server remembers of itself: figures over time, and when it was up."""
