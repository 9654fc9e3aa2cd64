"""Where footage comes from: sources that yield access units, one interface for every camera."""
