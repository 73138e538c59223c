"""Declaration to domain: the only home of hydra and omegaconf."""
