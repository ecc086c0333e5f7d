"""`python -m api`: one API process; start several with `ONETHING_API_REUSE_PORT=true`, or each on a port of its own."""

from api.serving import serve

if __name__ == "__main__":
    serve()
