"""The operator: spec -> due -> Job -> result -> status.

The path of a tenant: `handlers` hears of it, `due` says when something is to be done, `decide` what,
`placement` where, `manifests` how the Job looks; `engine` has it done, `harvest` reads the result, `status` says it.
Everything but `kube`, `lookups`, `engine` and its steps is pure.
"""
