"""Training in SageMaker's shape on what the export wrote, and the models on S3."""
