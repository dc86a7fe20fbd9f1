"""The pages that people see, one module each: server-rendered, and kept up to date by live parts."""
