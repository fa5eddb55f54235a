"""The console: screens over the four public APIs, for the people who work there all day."""
