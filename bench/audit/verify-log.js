import { verifyLog } from '../../packages/audit-verifier/dist/verify-log.js';

const began = performance.now();
const { exitCode, lines } = await verifyLog({ folder: process.argv[2], now: Date.now() });
if (exitCode !== 0) throw new Error(lines.join('\n'));
const seconds = Number(((performance.now() - began) / 1000).toFixed(1));
const peakMiB = Math.round(process.resourceUsage().maxRSS / 1024);
process.stdout.write(JSON.stringify({ seconds, peakMiB }));
