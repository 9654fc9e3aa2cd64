"""Looking at the picture itself: motion and tampering, seen by a process of its own that decodes (`eye`), told as events."""
