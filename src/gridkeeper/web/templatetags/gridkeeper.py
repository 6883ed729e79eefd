"""Template tags and filters that every page may use: status marks, times, durations."""

from django import template

register = template.Library()
