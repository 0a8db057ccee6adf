"""What every app needs and none owns; it knows neither diffusion nor chat."""
