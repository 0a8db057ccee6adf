"""Routes under `/api/diffusion` about downloads, directories and servers elsewhere."""
