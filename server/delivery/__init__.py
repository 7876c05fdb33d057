"""What leaves the house: mail and webhooks, kept in a box of the database until they have arrived."""
