"""Looking after a data directory from outside: backups, restoring them, finding what is wrong, putting it aside."""
