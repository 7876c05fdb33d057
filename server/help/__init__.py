"""The documentation that comes with the program: read once, shown as pages, found by its words."""
