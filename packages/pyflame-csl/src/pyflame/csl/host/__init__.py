"""The host side: compiled programs on disk, and the names under which host scripts know the wafer."""
