"""Small server processes of ours for engines that ship none; run as replicas, never imported."""
