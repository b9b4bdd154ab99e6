"""Random views, made for a whole batch at once with parameters of their own for every sample."""
