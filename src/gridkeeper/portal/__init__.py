"""The web shell: navigation, sign-in, home, matrix, log, site and search pages."""
