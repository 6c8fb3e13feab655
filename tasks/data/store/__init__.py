"""The store of bars: what each source said of each ticker and when, and the bars made of it.

    <raw_dir>/<source>/<TICKER>/known-<generation>-<sha256>.parquet   every revision of the raw bars
    <raw_dir>/<source>/<TICKER>/bars-<recipe>-<sha256>.parquet        cleaned bars, made from them
    <raw_dir>/snapshots/<sha256>.json                                 which bars a night ran on

A file of bars never changes: a new one replaces it, and its name has the hash of its content. Bars
can be made again from the revisions, of which two generations are kept.
"""
