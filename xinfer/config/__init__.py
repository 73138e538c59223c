"""Declaration → domain: a YAML recipe and overrides in, checked domain values out.

Read in this order: `schema` (every key), `compose` (files and overrides become one tree), `compile`
(the tree becomes `Settings` and `ModelSpec`s), `explain` (every failure as one message). The
only home of Hydra and OmegaConf. Knows nothing of engines but their port; starts and
writes nothing.
"""
