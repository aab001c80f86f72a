import { cp, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll } from '@jest/globals';
import {
  type ConsoleBrowser,
  type ConsoleCallers,
  openConsoleBrowser,
  openConsoleCallers,
} from './console-browser.ts';
import { openTestProvider, type TestProvider } from './oidc-provider.ts';
import { startTestDeployment, type TestDeployment } from './running-deployment.ts';

/** A deployment with its console, and a provider of OpenID Connect that it trusts. */
export interface DeployedConsole {
  /** Of the policies. */
  readonly folder: string;
  readonly provider: TestProvider;
  readonly callers: ConsoleCallers;
  /** A browser that is not signed in. */
  browser(): ConsoleBrowser;
}

/** To be called once, outside the tests. */
export function openDeployedConsole(): DeployedConsole {
  const opened = {} as { folder: string; provider: TestProvider; callers: ConsoleCallers };
  let deployment: TestDeployment;
  beforeAll(async () => {
    opened.folder = await mkdtemp(join(tmpdir(), 'aduana-policies-'));
    opened.provider = await openTestProvider(
      () => `http://localhost:${String(deployment.ports.CONSOLE_PORT)}/login/callback`,
    );
    await cp('policies', opened.folder, { recursive: true });
    await writeFile(
      join(opened.folder, 'trusted_issuers.yaml'),
      `version: 1\nissuers:\n  - { issuer: '${opened.provider.issuer}', jwks_uri: '${opened.provider.issuer}/jwks', algorithms: [RS256], audience: ${opened.provider.clientId}, claims: { groups: { ana: auditor } } }\n`,
    );
    deployment = await startTestDeployment({
      environment: {
        POLICIES_DIR: opened.folder,
        CONSOLE_OIDC_ISSUER: opened.provider.issuer,
        CONSOLE_OIDC_CLIENT_ID: opened.provider.clientId,
      },
    });
    opened.callers = openConsoleCallers(deployment);
  });
  afterAll(async () => {
    await opened.callers.close();
    await deployment.stop();
    opened.provider.close();
    await rm(opened.folder, { recursive: true });
  });
  return Object.assign(opened, { browser: () => openConsoleBrowser(deployment.ports.CONSOLE_PORT) });
}
