"""Who is told when something is not as it should be: rules, what fires, silence while somebody works on it."""
