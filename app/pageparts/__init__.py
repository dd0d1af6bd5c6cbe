"""Pieces of pages that are larger than a page's own file has room for; each belongs to the page it is named after."""
