"""Training code of the project: procedural data, autoencoder, transformer, evaluation."""
