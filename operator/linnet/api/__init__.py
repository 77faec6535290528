"""The Canary resource: models, rules, defaults, and the CustomResourceDefinition made from them."""
