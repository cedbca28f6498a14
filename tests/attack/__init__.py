"""Generated attacks: every address, every form, by hypothesis."""
