"""The cloud: portal, live hub, workers, and everything that runs them."""
