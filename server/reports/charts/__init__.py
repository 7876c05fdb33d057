"""Charts of reports: from what an author says and rows give, to what drawings and Excel show."""
