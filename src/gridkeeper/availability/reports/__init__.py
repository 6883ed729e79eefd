"""Published months as people read them: the permanent page of each version, downloads, and the printable report.

`publishing` makes the versions and says what stands in them; here they are shown. A month that is not published can be
printed too, and says so on every sheet.
"""
