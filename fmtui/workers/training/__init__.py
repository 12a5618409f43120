"""Training: the transformers Trainer with fmtui's batches, its journal, and checkpoints that are
whole, so that a run that is resumed ends as one that nothing interrupted."""
