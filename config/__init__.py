"""Configuration that ships with the program: data only."""
