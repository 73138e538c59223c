"""The server of embedding and rerank models: the one host of ours that touches tensors."""
