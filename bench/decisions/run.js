// `node bench/decisions/run.js`: the policy engine beside casbin and Cedar, over the same rules and questions, in one run.
import '../../tools/print-help.js';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { compile } from '@aduana/server-kit/iam/compile';
import { evaluate } from '@aduana/server-kit/iam/evaluate';
import { loadPolicies } from '@aduana/server-kit/iam/load-policies';
import { createCasbin } from './casbin.js';
import { createCedar } from './cedar.js';
import { makeRules } from './make-rules.js';

const SIZES = [10, 100, 1_000, 5_000];
const MEASURE_MS = Number(process.env.BENCH_MILLISECONDS ?? 1_000);

/** CPU microseconds, which other work on the machine does not blur. */
function spent() {
  const { user, system } = process.cpuUsage();
  return user + system;
}

/** CPU microseconds per decision, over all questions again and again. */
function measure(decide, questions) {
  for (const question of questions) decide(question);
  let decisions = 0;
  const started = spent();
  while (spent() - started < MEASURE_MS * 1_000) {
    for (const question of questions) decide(question);
    decisions += questions.length;
  }
  return (spent() - started) / decisions;
}

function print(...cells) {
  process.stdout.write(`${cells.map((cell) => String(cell).padStart(14)).join('')}\n`);
}

print('rules', 'aduana us', 'casbin us', 'cedar us', 'x casbin', 'x cedar', 'reload ms');
for (const size of SIZES) {
  const { yaml, rules, questions } = makeRules(size);
  const folder = mkdtempSync(join(tmpdir(), 'aduana-bench-'));
  writeFileSync(join(folder, 'iam_policies.yaml'), yaml);
  try {
    const engine = compile(await loadPolicies(folder));
    const peers = [await createCasbin(rules), createCedar(rules)];
    const few = questions.slice(0, 20);
    for (const question of few)
      for (const peer of peers)
        if (peer(question) !== (evaluate(engine, question).effect === 'allow'))
          throw new Error(`the engines disagree about ${JSON.stringify(question)}`);
    const ours = measure((question) => evaluate(engine, question), questions);
    const [casbin, cedar] = peers.map((peer) => measure(peer, few));
    const started = spent();
    evaluate(compile(await loadPolicies(folder)), questions[0]);
    const reload = (spent() - started) / 1_000;
    const ratio = (other) => Math.round(other / ours).toLocaleString('en');
    print(
      size,
      ours.toFixed(3),
      casbin.toFixed(1),
      cedar.toFixed(1),
      ratio(casbin),
      ratio(cedar),
      reload.toFixed(0),
    );
  } finally {
    rmSync(folder, { recursive: true });
  }
}
