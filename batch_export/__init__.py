"""Writes each closed day to S3: an Excel workbook, Parquet files and a manifest that accounts for every row."""
