"""Azure ML: everything that speaks to it lies here, and the SDK is imported when it is asked."""
