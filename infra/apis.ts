/// <reference path="../.sst/platform/config.d.ts" />
import type { StageSettings } from './stage.ts'
import { socket as wiring } from './wiring.ts'

/** Requests a second of all callers together, above which API Gateway answers 429 by itself. */
const throttle = { throttlingRateLimit: 200, throttlingBurstLimit: 400 }

/** The two front doors, without what is behind them: functions are told their addresses. */
export function makeApis(settings: StageSettings) {
  const accessLog = { retention: settings.production ? '3 months' : '1 month' } as const
  const http = new sst.aws.ApiGatewayV2('Http', {
    // The api answers preflights itself: it knows which origins may call.
    cors: false,
    accessLog,
    transform: { stage: { defaultRouteSettings: throttle } },
  })
  const socket = new sst.aws.ApiGatewayWebSocket('Socket', {
    accessLog,
    transform: { stage: { defaultRouteSettings: throttle } },
  })
  return { http, socket }
}

/** Every HTTP request to the api, every frame and connection to the socket function. */
export function routeApis(
  { http, socket }: ReturnType<typeof makeApis>,
  functions: { api: sst.aws.Function; socket: sst.aws.Function },
) {
  http.route('$default', functions.api.arn)
  for (const route of wiring.routes) socket.route(route, functions.socket.arn)
}
