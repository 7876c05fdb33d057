"""Live connections: who is connected, what they follow, and how messages leave."""
