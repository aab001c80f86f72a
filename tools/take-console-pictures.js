// Takes the pictures of the README and of the guides into docs/images, from a deployment of its own that is filled first.
//   npm run build && node tools/take-console-pictures.js
import { execFile, spawn } from 'node:child_process';
import { mkdtemp, mkdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { promisify } from 'node:util';
import { chromium } from 'playwright-core';

const MAIN = 'dist/cli/main.js';
const OUT = 'docs/images';
const PORTS = [
  'GATEWAY_HTTP_PORT',
  'GATEWAY_TLS_PORT',
  'STS_PORT',
  'AUDIT_PORT',
  'ADMIN_PORT',
  'LEADS_PORT',
  'CONSOLE_PORT',
];
const SEED_SECONDS = 40;
const SCHEMES = ['light', 'dark'];
const PICTURES = [
  { name: 'overview', as: 'operator', path: '/', height: 860 },
  { name: 'requests', as: 'auditor', path: '/requests?outcome=PARTIAL', height: 700 },
  { name: 'request', as: 'auditor', path: '/requests/REFUSED', height: 1000 },
  { name: 'proof', as: 'auditor', path: '/requests/REFUSED', section: '[data-proof]', height: 900 },
  { name: 'integrity', as: 'auditor', path: '/integrity', height: 900 },
  { name: 'graph', as: 'operator', path: '/graph', height: 860 },
];
const REFUSED = 'query LeadsWithContact { leads(first: 3) { company contact { email } } }';
const DOCUMENTS = [
  ['bff', 'query Leads { leads(first: 5) { company } }'],
  ['bff', 'query WhoAmI { whoami { subject } }'],
  ['bff', REFUSED],
  ['actuator', 'query LeadsToWrite { leads(first: 2) { company } }'],
  ['operator', 'query Keys { signingKeys { kid state } }'],
];

const run = promisify(execFile);
const folder = await mkdtemp(join(tmpdir(), 'aduana-pictures-'));
const environment = {
  ...process.env,
  LOG_LEVEL: 'warn',
  ADUANA_HOME: join(folder, 'home'),
  CERTS_DIR: join(folder, 'certs'),
  ...Object.fromEntries(PORTS.map((name) => [name, '0'])),
};
const deployment = spawn(process.execPath, [MAIN, 'up'], {
  env: environment,
  stdio: ['ignore', 'pipe', 'inherit'],
});
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  args: ['--no-sandbox'],
});
try {
  await untilReady();
  const ports = JSON.parse(await readFile(join(folder, 'home/addresses.json'), 'utf8'));
  const auditId = await seed(`http://localhost:${ports.GATEWAY_HTTP_PORT}/graphql`);
  await mkdir(OUT, { recursive: true });
  for (const as of new Set(PICTURES.map((picture) => picture.as))) await takePictures(as, auditId);
} finally {
  await browser.close();
  deployment.kill('SIGINT');
  await new Promise((resolve) => deployment.once('exit', resolve));
  await rm(folder, { recursive: true, force: true });
}

async function untilReady() {
  let printed = '';
  for await (const chunk of deployment.stdout) {
    printed += String(chunk);
    if (printed.includes('aduana ready')) break;
  }
  deployment.stdout.resume();
}

async function aduana(...args) {
  return (await run(process.execPath, [MAIN, ...args], { env: environment })).stdout.trim();
}

/** Requests of several callers over some seconds; answers the id of one that was refused in part. */
async function seed(url) {
  const tokens = new Map();
  for (const [as] of DOCUMENTS)
    if (!tokens.has(as)) tokens.set(as, (await aduana('token', '--as', as)).split('\n').at(-1));
  let auditId = '';
  const end = Date.now() + SEED_SECONDS * 1000;
  for (let turn = 0; Date.now() < end; turn += 1) {
    for (const [as, query] of DOCUMENTS.slice(0, 2 + (turn % 4))) {
      const response = await fetch(url, {
        method: 'POST',
        headers: { 'content-type': 'application/json', authorization: `Bearer ${tokens.get(as)}` },
        body: JSON.stringify({ query }),
      });
      await response.text();
      if (query === REFUSED) auditId = response.headers.get('audit-id') ?? auditId;
    }
    await pause(100 + (turn % 20) * 20);
  }
  return auditId;
}

async function takePictures(as, auditId) {
  const context = await browser.newContext({ locale: 'en-GB', timezoneId: 'Europe/Madrid' });
  const page = await context.newPage();
  const link = (await aduana('console', 'login', '--as', as))
    .split('\n')
    .find((line) => line.includes('http'));
  await page.goto(/https?:\S+/.exec(link)[0]);
  await page.waitForSelector('h1:text-is("Overview")');
  const origin = new URL(page.url()).origin;
  for (const { name, path, section, height } of PICTURES.filter((picture) => picture.as === as)) {
    for (const colorScheme of SCHEMES) {
      await page.setViewportSize({ width: 1200, height });
      await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
      await page.goto(origin + path.replace('REFUSED', auditId));
      await page.waitForSelector('main:not(:has-text("Loading"))');
      if (path.includes('REFUSED')) await page.waitForSelector('[data-proof="verified"]');
      await pause(500);
      const target = section === undefined ? page : page.locator(section);
      await target.screenshot({ path: join(OUT, `console-${name}-${colorScheme}.png`) });
    }
  }
  await context.close();
}
