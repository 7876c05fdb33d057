"""Templates made from what is known of a dataset: its columns and their figures. No file is read for it."""
