"""The shell: the window, what it opens, its actions, settings and looks."""
