"""All that the bot says, with an occasion for each sentence: `python -m tests.messages` writes docs/messages.md."""
