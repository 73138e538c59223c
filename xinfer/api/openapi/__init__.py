"""The API described as an OpenAPI document. Imported when the document is asked for first."""
