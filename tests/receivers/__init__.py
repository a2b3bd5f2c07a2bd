"""Who is told, on loopback: a small HTTP server and a mail server, which do what a test wants."""
