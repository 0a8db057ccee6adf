"""What workers do for trainings."""
