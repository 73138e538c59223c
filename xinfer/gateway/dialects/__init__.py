"""Bodies of other API dialects, translated to and from the engines' own."""
