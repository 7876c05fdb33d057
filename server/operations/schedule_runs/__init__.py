"""What schedules run: each kind is one module here and one line in `server/app/schedules.py`."""
