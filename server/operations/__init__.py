"""What a user can ask for: one function each, called alike by pages, API and command line."""
