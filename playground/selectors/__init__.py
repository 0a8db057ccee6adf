"""What is read: every row through a function that takes the user."""
