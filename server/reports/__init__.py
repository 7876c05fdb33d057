"""Reports: templates, documents, and the three forms they are written in."""
