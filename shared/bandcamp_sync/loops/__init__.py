"""The long-running forms of the stages: what the services' start files run. One module a service, so that each image
needs only what its own service imports."""
