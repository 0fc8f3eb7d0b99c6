import { copyFile, mkdir, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { delimiter, dirname, join } from 'node:path'
import type { McpAccess } from '../../mcp/server.ts'
import { cleanEnvironment } from '../../process/environment.ts'
import { probeIsolation } from '../../process/isolate.ts'
import { writeShell } from '../../process/shell.ts'
import { type ModelConfig, modelOf, rehearsalModel } from '../model.ts'

/** The version whose API this driver was written against, and that npm installs. */
export const opencodeVersion = '1.18.33'

/** The configuration of one server, given inline: it has the last word over every file. */
export function serverConfig(model: ModelConfig, mcp: McpAccess, asks: string[] = []) {
  const { provider, model: id } = modelOf(model)
  const name = `${provider}/${id}`
  return {
    model: name,
    small_model: name,
    enabled_providers: [provider],
    share: 'disabled',
    autoupdate: false,
    // Our own checkpoints hold the files; the engine's would only cost time.
    snapshot: false,
    mcp: {
      orchestrator: {
        type: 'remote',
        url: mcp.url,
        headers: { authorization: `Bearer ${mcp.token}` },
        oauth: false,
        enabled: true,
      },
    },
    ...(model.kind === 'rehearsal' ? rehearsalProvider(model.url) : {}),
    permission: permissions(model, asks),
  }
}

/** The last entry that fits decides; it holds for subagents too. Our own tools are never asked about. */
function permissions(model: ModelConfig, asks: string[]) {
  return {
    ...Object.fromEntries(asks.map((tool) => [tool, 'ask'])),
    // The engine's own tools could read its environment there.
    external_directory: {
      ...(asks.includes('external_directory') ? { '*': 'ask' } : {}),
      '/proc/*/*': 'deny',
    },
    ...(model.kind === 'rehearsal' ? { webfetch: 'deny', websearch: 'deny' } : {}),
    ...(asks.length > 0 ? { 'orchestrator_*': 'allow', question: 'allow' } : {}),
  }
}

function rehearsalProvider(url: string) {
  return {
    provider: {
      [rehearsalModel.provider]: {
        npm: '@ai-sdk/openai-compatible',
        name: 'Rehearsal',
        options: { baseURL: url, apiKey: 'rehearsal' },
        models: {
          [rehearsalModel.model]: {
            name: 'Rehearsal (a script, not a model)',
            tool_call: true,
            reasoning: true,
            cost: { input: 0, output: 0, cache_read: 0, cache_write: 0 },
            limit: { context: 200_000, output: 32_000 },
          },
        },
      },
    },
  }
}

/** The environment of one server: its own folders, nothing of ours, no call home, no project configuration. */
export async function serverEnvironment(
  state: string,
  { model, mcp, password, asks }: { model: ModelConfig; mcp: McpAccess; password: string; asks: string[] },
): Promise<Record<string, string>> {
  const env = await cleanEnvironment(state, pathWithRipgrep())
  await seedPlugins(join(state, 'config', 'opencode'))
  const oauth = model.kind === 'sign_in' && model.oauth
  if (model.kind === 'sign_in') await signIn(join(state, 'data', 'opencode'), model.auth_file)
  const empty = join(state, 'no-models.json')
  await writeFile(empty, '{}')
  const secrets = {
    ...(model.kind === 'provider' ? model.env : {}),
    OPENCODE_CONFIG_CONTENT: JSON.stringify(serverConfig(model, mcp, asks)),
    OPENCODE_SERVER_USERNAME: 'orchestrator',
    OPENCODE_SERVER_PASSWORD: password,
  }
  return {
    ...env,
    ...secrets,
    // An agent's commands run with it: they could answer for the people that are asked, or take the key along.
    SHELL: await writeShell(state, await probeIsolation(), Object.keys(secrets)),
    ...(model.kind === 'rehearsal' ? { OPENCODE_MODELS_PATH: empty } : {}),
    // Signing in by OAuth is done by a bundled plugin; with keys none is needed.
    ...(oauth ? {} : { OPENCODE_DISABLE_DEFAULT_PLUGINS: '1', OPENCODE_PURE: '1' }),
    OPENCODE_DISABLE_MODELS_FETCH: '1',
    OPENCODE_DISABLE_AUTOUPDATE: '1',
    OPENCODE_DISABLE_SHARE: '1',
    OPENCODE_DISABLE_LSP_DOWNLOAD: '1',
    OPENCODE_DISABLE_CLAUDE_CODE: '1',
    OPENCODE_DISABLE_EXTERNAL_SKILLS: '1',
    OPENCODE_DISABLE_EMBEDDED_WEB_UI: '1',
    // A repository's own configuration could run commands and redirect the model: it is never read.
    OPENCODE_DISABLE_PROJECT_CONFIG: '1',
  }
}

/** A lockfile that already lists the plugin SDK keeps OpenCode from installing 63 MB in the background. */
async function seedPlugins(folder: string) {
  await mkdir(join(folder, 'node_modules'), { recursive: true })
  const dependencies = { '@opencode-ai/plugin': opencodeVersion }
  await writeFile(join(folder, 'package.json'), JSON.stringify({ dependencies }))
  const lock = { lockfileVersion: 3, packages: { '': { dependencies } } }
  await writeFile(join(folder, 'package-lock.json'), JSON.stringify(lock))
}

async function signIn(folder: string, file: string) {
  await mkdir(folder, { recursive: true })
  await copyFile(file, join(folder, 'auth.json'))
}

const resolve = createRequire(import.meta.url).resolve

/** Without ripgrep on PATH, OpenCode's search tools would try to download it. */
function pathWithRipgrep() {
  const path = process.env.PATH ?? ''
  try {
    const own = `@vscode/ripgrep-${process.platform}-${process.arch}/bin/rg`
    return [dirname(resolve(own)), path].join(delimiter)
  } catch {
    return path
  }
}

/** The OpenCode to run: the pinned one of npm, else the one on PATH. */
export function opencodeBinary(): string {
  try {
    return join(dirname(resolve('opencode-linux-x64/package.json')), 'bin', 'opencode')
  } catch {
    return 'opencode'
  }
}
