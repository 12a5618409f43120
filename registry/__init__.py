"""What fmtui knows: tables, migrations, queries, the catalogue's mirror, import and store.

Nothing in here imports `fmtui` or `screens`.
"""
