"""Readers, each of one kind of data, and the batches made from them."""
