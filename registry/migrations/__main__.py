"""Write `registry/schema.sql` anew."""

from registry.migrations import SCHEMA, dump

SCHEMA.write_text(dump(), encoding="utf-8")
print(f"wrote {SCHEMA.name}")
