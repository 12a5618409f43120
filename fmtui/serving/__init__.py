"""Local endpoints: the gateway, and the scoring script that Azure ML would load too."""
