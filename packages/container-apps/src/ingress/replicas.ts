/** What the ingress asks of whoever runs the replicas. */
export interface Replicas {
  /** Where the ready replicas of a revision listen: `http://127.0.0.1:PORT` each. */
  addresses(appId: string, revision: string): readonly string[]
  /**
   * Asked for when a request waits for a revision without a ready replica, and again at every change: begins one when
   * it is scaled to zero. Answers whether there is one to wait for: not of a revision that failed or was stopped.
   */
  wake(appId: string, revision: string): boolean
  /** Told when what the others answer of a revision has changed. Answers how to stop listening. */
  onChange(listener: (appId: string, revision: string) => void): () => void
}
