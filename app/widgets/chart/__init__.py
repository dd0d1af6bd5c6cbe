"""A chart of growing lines, painted by ourselves: what has not changed is not painted again."""
