"""The learning rate as a function of the step alone, so that a resume needs no memory of it."""

from __future__ import annotations

import math

from LungPNetLib.training.config import TrainerConfig


def learning_rate_factor(config: TrainerConfig, epoch: int, step: int, steps: int) -> float:
    """By how much the optimizer's own rate is multiplied.

    Parameters
    ----------
    config : TrainerConfig
    epoch : int
        0-based.
    step, steps : int
        Step within the epoch (0-based), and steps an epoch.

    Examples
    --------
    >>> config = TrainerConfig(lr_schedule="step", lr_step_epochs=10, lr_gamma=0.5)
    >>> [learning_rate_factor(config, epoch, 0, 100) for epoch in (0, 9, 10, 25)]
    [1.0, 1.0, 0.5, 0.25]
    """
    done = epoch * steps + step
    factor = 1.0
    if config.lr_schedule == "step":
        factor = config.lr_gamma ** (epoch // config.lr_step_epochs)
    elif config.lr_schedule == "cosine":
        factor = 0.5 * (1 + math.cos(math.pi * done / (config.epochs * steps)))
    if done < config.warmup_steps:
        factor *= (done + 1) / config.warmup_steps
    return factor
