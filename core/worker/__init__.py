"""What runs in workers only: carrying out commands, slices of jobs, timers."""
