"""What published code does where it differs from the recipes, to be compared with recorded runs."""
