"""Names of countries as registries spell them: the registry's own list."""

from gridkeeper.registry.countries import country_of as country_of
