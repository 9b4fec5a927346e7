"""The hands: loops that watch, decide and act; they meet only at topics."""
