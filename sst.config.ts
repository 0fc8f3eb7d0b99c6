/// <reference path="./.sst/platform/config.d.ts" />

const regionOf = () => process.env.AWS_REGION ?? 'us-east-1'

export default $config({
  app: ({ stage }) => ({
    name: 'orchestrator',
    home: 'aws',
    removal: stage === 'production' ? 'retain' : 'remove',
    protect: stage === 'production',
    providers: {
      aws: {
        region: regionOf(),
        defaultTags: { tags: { app: 'orchestrator', stage } },
      },
      random: '4.16.6',
    },
  }),
  async run() {
    const { deploy } = await import('./infra/main.ts')
    return deploy()
  },
})
