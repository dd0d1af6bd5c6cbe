"""The panels: one way of looking a file, strangers to one another, found by app.panel.find_panels()."""
