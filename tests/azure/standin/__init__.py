"""A stateful stand-in of Azure ML on loopback: what the real SDK and the real azure-identity ask of
the service, with its states, its long-running operations and its errors."""
