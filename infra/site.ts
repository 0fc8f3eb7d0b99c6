/// <reference path="../.sst/platform/config.d.ts" />
import { headers, policyOf } from './headers.ts'

/**
 * The dashboard: a static build behind CloudFront, with a config.json that says where the API is and headers that
 * let it talk to nothing else. Names under assets/ hold a hash of what is in them; everything else is asked for anew.
 */
export function makeSite(api_url: $util.Output<string>, ws_url: $util.Output<string>) {
  const policy = new aws.cloudfront.ResponseHeadersPolicy('SiteHeaders', {
    comment: 'What the dashboard may load and talk to',
    securityHeadersConfig: {
      contentSecurityPolicy: {
        override: true,
        contentSecurityPolicy: $resolve([api_url, ws_url]).apply((urls) => policyOf(urls)),
      },
      contentTypeOptions: { override: true },
      frameOptions: { override: true, frameOption: 'DENY' },
      referrerPolicy: { override: true, referrerPolicy: headers['referrer-policy'] },
      strictTransportSecurity: {
        override: true,
        accessControlMaxAgeSec: 63_072_000,
        includeSubdomains: true,
        preload: false,
      },
    },
    customHeadersConfig: {
      items: (['cross-origin-opener-policy', 'permissions-policy'] as const).map((header) => ({
        header,
        value: headers[header],
        override: true,
      })),
    },
  })
  return new sst.aws.StaticSite('Site', {
    build: { command: 'npm run build:site', output: 'dist/site' },
    environment: {
      SITE_API_URL: api_url,
      SITE_SOCKET_URL: ws_url,
      SITE_NAME: `${$app.name} / ${$app.stage}`,
    },
    assets: {
      fileOptions: [
        { files: '**', cacheControl: 'no-store' },
        { files: 'assets/**', cacheControl: 'public, max-age=31536000, immutable' },
      ],
    },
    transform: {
      cdn: (args) => {
        args.defaultCacheBehavior = $output(args.defaultCacheBehavior).apply((behavior) => ({
          ...behavior,
          responseHeadersPolicyId: policy.id,
        }))
      },
    },
  })
}
