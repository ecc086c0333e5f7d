"""Pages for people with a browser: the same questions and acts as the API's, rendered on the server."""
