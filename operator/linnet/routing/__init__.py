"""The Services, DestinationRules and VirtualService that a Canary should have. Pure."""
