import type { APIGatewayProxyEventV2 } from 'aws-lambda'
import { handle } from 'hono/aws-lambda'
import { buildApp } from './app.ts'
import { type ApiServices, apiServices, closeServices } from './services.ts'

/** Everything else is base64, so that a patch arrives byte for byte whatever its encoding. */
const isBinary = (type: string) => !/^(text\/(?!x-diff)|application\/([\w.-]+\+)?json)/.test(type)

/** A handler over given services; the app is built at the first request. */
export function handlerOf(services: () => ApiServices) {
  let built: ReturnType<typeof handle> | undefined
  return async (event: APIGatewayProxyEventV2) => {
    built ??= handle(buildApp(services), { isContentTypeBinary: isBinary })
    return built(readable(event))
  }
}

/**
 * The event as hono's adapter takes it. API Gateway hands the path over decoded, a GET may come with a body, and
 * a Host may be anything: none of them makes a valid request as it is, and no answer of ours depends on them.
 */
function readable(event: APIGatewayProxyEventV2) {
  const { version, routeKey, headers, cookies, rawQueryString, isBase64Encoded, requestContext } = event
  const { method } = requestContext.http
  const bodiless = method === 'GET' || method === 'HEAD'
  return {
    ...{ version, routeKey, headers, rawQueryString, isBase64Encoded },
    ...(cookies ? { cookies } : {}),
    rawPath: event.rawPath.split('/').map(encodeURIComponent).join('/'),
    body: bodiless ? null : (event.body ?? null),
    requestContext: { ...requestContext, domainName: 'api.invalid', authentication: null, authorizer: {} },
  }
}

export const handler = handlerOf(apiServices)
export const close = closeServices
