"""What a chat is: messages, their tree, the session, the persona, the sampling settings. No I/O, no widgets."""
