"""Task-LMs in the forms other programs load: PEFT folders, merged weights, GGUF; and the check that they answer the same."""
