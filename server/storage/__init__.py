"""What lasts: the database and the files beside it."""
