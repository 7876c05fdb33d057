"""What comes by itself: when, who asked for it, and that each time gives one run."""
