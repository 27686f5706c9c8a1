"""How src/impasto/networks/lite.safetensors was made; see README.md."""
