"""One way to train every network: configuration, draws, loop, resume, export with its card."""
