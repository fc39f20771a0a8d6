"""Models of movement: features, SageMaker entry points, evaluation and the registry on S3."""
