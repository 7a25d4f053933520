"""Images: from an archive, a folder or the daemon to layers whose bytes are all accounted for."""
