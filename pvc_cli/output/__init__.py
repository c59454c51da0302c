"""Show results and messages: tables for people, documents and names for programs."""
