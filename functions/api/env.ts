/** What one request carries for its log line. */
export type Env = {
  Variables: {
    request_id: string
    route: string
    ids: Record<string, string>
    /** What is left of the caller's requests, as headers. */
    rate: Record<string, string>
  }
  /** What API Gateway knows of the caller. */
  Bindings: { requestContext?: { http?: { sourceIp?: string } } }
}
