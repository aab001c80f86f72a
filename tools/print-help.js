/** Imported first by a script: with `--help` it prints the comment at the script's head, which says how it is run, and ends. */
import { readFileSync } from 'node:fs';

if (process.argv.includes('--help')) {
  const lines = readFileSync(process.argv[1], 'utf8').split('\n');
  const head = lines.slice(
    0,
    lines.findIndex((line) => !line.startsWith('//')),
  );
  process.stdout.write(`${head.map((line) => line.replace(/^\/\/ ?/, '')).join('\n')}\n`);
  process.exit();
}
