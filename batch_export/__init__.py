"""Each closed day as a workbook for people and as Parquet files for programs, on S3, with a manifest."""
