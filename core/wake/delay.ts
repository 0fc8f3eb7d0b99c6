/** SQS delays a message by 15 minutes at most, in seconds; later deadlines are the sweep's. */
export const maxDelaySeconds = 900
