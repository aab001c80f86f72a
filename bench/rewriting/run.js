// `node bench/rewriting/run.js` after a build: what authorization adds to a request, in microseconds, in one run.
import '../../tools/print-help.js';
import { createLog } from '@aduana/server-kit/platform/create-log';
import { createSystemClock } from '@aduana/core/platform/clock';
import { sha256Hex } from '@aduana/core/platform/digest';
import { composeServices } from '@apollo/composition';
import { getIntrospectionQuery, Kind, parse } from 'graphql';
import { createCallerViews } from '../../dist/gateway/authorize/caller-views.js';
import { createIntrospect } from '../../dist/gateway/authorize/introspect.js';
import { createNarrow } from '../../dist/gateway/subgraphs/narrow.js';
import { createPlan } from '../../dist/gateway/planner/plan.js';
import { createAuthorizer } from '../../dist/gateway/authorize/create-authorizer.js';
import { loadSupergraph } from '../../dist/gateway/supergraph/load-supergraph.js';
import { QUERIES } from '../workload/queries.js';
import { composeWorkload } from '../workload/supergraph.js';

const MEASURE_MS = Number(process.env.BENCH_MILLISECONDS ?? 1_000);
const COLD_ROUNDS = 200;
const clock = createSystemClock();

/** Microseconds per run, again and again for a while. */
function measure(run) {
  for (let warming = 0; warming < 1_000; warming += 1) run();
  let runs = 0;
  const started = performance.now();
  while (performance.now() - started < MEASURE_MS) {
    for (let batch = 0; batch < 100; batch += 1) run();
    runs += 100;
  }
  return ((performance.now() - started) * 1_000) / runs;
}

/** Microseconds per run, each on an input of its own: the median. */
function measureCold(inputs, run) {
  const times = inputs.map((input) => {
    const started = performance.now();
    run(input);
    return (performance.now() - started) * 1_000;
  });
  return times.sort((left, right) => left - right)[Math.floor(times.length / 2)];
}

function validated(text) {
  const document = parse(text);
  const operation = document.definitions.find(({ kind }) => kind === Kind.OPERATION_DEFINITION);
  const claims = { sub: 'bff', sub_iss: 'https://localhost' };
  return { stage: 'validated', caller: { claims }, trace: { traceId: '0' }, document, documentHash: sha256Hex(text), operation, variables: {} }; // prettier-ignore
}

function rightsTo(holdsScope) {
  return { authenticated: true, holdsScope, holdsPolicy: () => false };
}

/** 500 fields in 25 levels, every third of them guarded. */
function wide() {
  const names = Array.from({ length: 20 }, (_, index) => `f${String(index)}`);
  const fields = names.map(
    (name, index) =>
      `${name}: String ${index % 3 === 0 ? `@requiresScopes(scopes: [["s${String(index % 7)}"]])` : ''}`,
  );
  const sdl = `extend schema @link(url: "https://specs.apollo.dev/federation/v2.9", import: ["@requiresScopes"]) type Query { t: T } type T { ${fields.join(' ')} next: T }`;
  const { supergraphSdl } = composeServices([
    { name: 'one', url: 'https://localhost', typeDefs: parse(sdl) },
  ]);
  const selection = Array.from({ length: 24 }).reduce(
    (inner) => `${names.join(' ')} next { ${inner} }`,
    names.join(' '),
  );
  return { supergraph: loadSupergraph(supergraphSdl), document: `{ t { ${selection} } }` };
}

const log = createLog('silent', () => undefined);
const rows = [];

const workload = loadSupergraph(composeWorkload(true, (name) => `https://localhost/${name}`));
const everything = rightsTo(() => true);
const nothing = rightsTo(() => false);
for (const [name, text] of Object.entries(QUERIES)) {
  const authorize = createAuthorizer({ clock, mode: 'filter' });
  const plan = createPlan({ log });
  const narrow = createNarrow();
  const question = validated(text);
  rows.push({
    what: `${name}: authorize, plan and narrow, warm`,
    microseconds: measure(() => {
      const authorized = authorize(question, workload, everything);
      narrow(plan(authorized, workload), authorized, workload);
    }),
  });
}

const { supergraph, document } = wide();
const some = rightsTo((scope) => scope < 's3');
const cold = createAuthorizer({ clock, mode: 'filter' });
const texts = Array.from({ length: COLD_ROUNDS }, (_, index) => validated(`${document} # ${String(index)}`));
rows.push({
  what: 'rewrite of 500 fields, cold (goal: 2,000)',
  microseconds: measureCold(texts, (question) => cold(question, supergraph, some)),
});

const views = createCallerViews({ clock });
const introspect = createIntrospect({ clock, mode: 'filtered', views });
const introspection = cold(validated(getIntrospectionQuery()), workload, nothing);
rows.push({
  what: 'filtered introspection, warm',
  microseconds: measure(() => introspect(introspection, workload, nothing)),
});
rows.push({
  what: "a caller's view of the schema, cold",
  microseconds: measureCold(Array.from({ length: 20 }), () =>
    createCallerViews({ clock })(workload, nothing),
  ),
});

for (const { what, microseconds } of rows) {
  process.stdout.write(`${what.padEnd(48)} ${microseconds.toFixed(1).padStart(10)} us\n`);
}
