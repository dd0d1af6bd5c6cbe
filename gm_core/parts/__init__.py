"""What models are composed of; each part is chosen in the spec of the model that uses it."""
