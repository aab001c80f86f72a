// Compares Kubernetes objects with the schemas of the API:  node tools/kubernetes/check-objects.js <objects.json
// Reads a JSON array, prints one problem a line and then exits 1. Needs sh tools/kubernetes/install.sh.
// The validators know types and required fields; a field that the API does not have is found by TypeScript, which refuses
// it in a literal.
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';

const objects = JSON.parse(readFileSync(0, 'utf8'));
const problems = [...(await invalid(objects)), ...unknownFields(objects)];
for (const problem of problems) console.log(problem);
process.exitCode = problems.length === 0 ? 0 : 1;

async function invalid(all) {
  const found = [];
  for (const object of all) {
    const { [object.kind]: Model } = await import(moduleOf(object));
    try {
      new Model(object).validate();
    } catch (error) {
      found.push(`${nameOf(object)}: ${error.message}`);
    }
  }
  return found;
}

function unknownFields(all) {
  const file = fileURLToPath(new URL(`objects-${String(process.pid)}.ts`, import.meta.url));
  const lines = all.map(
    (object, index) =>
      `export const object${String(index)}: import('${moduleOf(object)}').I${object.kind} = ${JSON.stringify(object)};`,
  );
  writeFileSync(file, lines.join('\n'));
  try {
    const program = ts.createProgram([file], {
      noEmit: true,
      strict: true,
      skipLibCheck: true,
      types: [],
      module: ts.ModuleKind.NodeNext,
      target: ts.ScriptTarget.ESNext,
    });
    return ts.getPreEmitDiagnostics(program).map(({ file: source, start, messageText }) => {
      const line = source?.getLineAndCharacterOfPosition(start ?? 0).line ?? 0;
      return `${nameOf(all[line])}: ${ts.flattenDiagnosticMessageText(messageText, ' ')}`;
    });
  } finally {
    rmSync(file);
  }
}

/** `v1` of the core, or the group's folder, as `networking.k8s.io/v1`. */
function moduleOf({ apiVersion }) {
  return `kubernetes-models/${apiVersion}`;
}

function nameOf({ kind, metadata }) {
  return `${kind} ${metadata.name}`;
}
