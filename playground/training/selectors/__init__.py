"""Reading trainings: every way to a row takes the user."""
