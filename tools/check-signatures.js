// npm run check:signatures: the registry's signatures and attestations of what is installed. Fails on a bad one; says so
// loudly where the registry does not answer, as behind mirrors.
import { spawnSync } from 'node:child_process';

// A registry that is not there, or a mirror that keeps no signatures.
const UNANSWERED =
  /ENOTFOUND|ECONNREFUSED|ECONNRESET|ETIMEDOUT|EAI_AGAIN|E40[34]|E50\d|TUF|tuf|network|No dependencies to audit/;
const { status, stdout, stderr, error } = spawnSync('npm', ['audit', 'signatures', '--fetch-retries=0'], {
  encoding: 'utf8',
  timeout: 180_000,
});
const output = `${stdout}${stderr}`;
process.stdout.write(output);
if (/invalid (registry signature|attestation)|missing registry signature/i.test(output)) process.exitCode = 1;
else if (status !== 0 && (error !== undefined || UNANSWERED.test(output)))
  console.error(
    '\n!!! SKIPPED: the signatures of packages were NOT checked: the registry does not answer for them\n',
  );
else process.exitCode = status ?? 1;
