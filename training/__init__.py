"""Development only: synthetic scenes, the training loop and its evaluation."""
