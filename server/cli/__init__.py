"""The command line beside `serve`: programs that talk to a running server, and the first administrator."""
