"""Forms: the parameters of a spec as widgets, with errors beside the fields."""
