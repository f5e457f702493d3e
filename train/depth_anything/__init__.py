"""Depth Anything (arXiv 2401.10891): unlabeled photos as training data, at any scale."""
