"""Names of countries as registries spell them, and their ISO 3166-1 codes."""

_NAMES = {
    "AR": "Argentina", "AM": "Armenia", "AU": "Australia", "AT": "Austria", "AZ": "Azerbaijan", "BE": "Belgium",
    "BR": "Brazil", "BG": "Bulgaria", "CA": "Canada", "CL": "Chile", "CN": "China", "CO": "Colombia", "HR": "Croatia",
    "CY": "Cyprus", "CZ": "Czechia", "DK": "Denmark", "EE": "Estonia", "FI": "Finland", "FR": "France",
    "GE": "Georgia", "DE": "Germany", "GR": "Greece", "HK": "Hong Kong", "HU": "Hungary", "IN": "India",
    "ID": "Indonesia", "IR": "Iran", "IE": "Ireland", "IL": "Israel", "IT": "Italy", "JP": "Japan", "KR": "South Korea",
    "LV": "Latvia", "LB": "Lebanon", "LT": "Lithuania", "LU": "Luxembourg", "MY": "Malaysia", "MX": "Mexico",
    "MA": "Morocco", "NL": "Netherlands", "NZ": "New Zealand", "NO": "Norway", "PK": "Pakistan", "PE": "Peru",
    "PH": "Philippines", "PL": "Poland", "PT": "Portugal", "PR": "Puerto Rico", "RO": "Romania", "RU": "Russia",
    "RS": "Serbia", "SG": "Singapore", "SK": "Slovakia", "SI": "Slovenia", "ZA": "South Africa", "ES": "Spain",
    "SE": "Sweden", "CH": "Switzerland", "TW": "Taiwan", "TH": "Thailand", "TR": "Turkey", "UA": "Ukraine",
    "GB": "United Kingdom", "US": "United States", "UY": "Uruguay", "VE": "Venezuela", "VN": "Vietnam",
}  # fmt: skip

_SPELLINGS = {
    "usa": "US", "united states of america": "US", "u.s.a.": "US", "uk": "GB", "great britain": "GB",
    "czech republic": "CZ", "korea, republic of": "KR", "republic of korea": "KR", "russian federation": "RU",
    "viet nam": "VN", "the netherlands": "NL", "türkiye": "TR", "turkiye": "TR",
}  # fmt: skip

_CODES = {name.lower(): code for code, name in _NAMES.items()} | _SPELLINGS


def country_of(word: str) -> tuple[str, str]:
    """Code and name of a country given by either; the code is "" where we do not know the name.

    >>> country_of("USA")
    ('US', 'United States')
    >>> country_of("Atlantis")
    ('', 'Atlantis')
    """
    text = word.strip()
    code = text.upper() if text.upper() in _NAMES else _CODES.get(text.lower(), "")
    return (code, _NAMES[code]) if code else ("", text)
