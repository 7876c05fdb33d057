"""Files on their way in: resumable, durable before they are acknowledged, and known by id, never by name."""
