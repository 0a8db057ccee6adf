"""What runs in workers only: answers begin here."""
