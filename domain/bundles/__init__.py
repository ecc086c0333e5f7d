"""Each module here declares one life event (一件事) as data, dated, and holds no function or class."""
