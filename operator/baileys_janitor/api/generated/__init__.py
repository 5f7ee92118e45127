"""Files generated from the models: the CustomResourceDefinitions, and tables of the docs."""
