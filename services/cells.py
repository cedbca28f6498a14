"""The cell of the diary's rows: every length and every buffer is a multiple of it.

Pure, so that both the menu's forms and the arithmetic of free times can use it.
"""

CELL_MINUTES = 5
