"""What changes rows of the library, with keyword arguments."""
