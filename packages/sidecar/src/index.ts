/** The public surface of the sidecar: the runtime, for embedding in tests. */
export {}
