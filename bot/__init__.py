"""The program: command line, config, disk, time."""
