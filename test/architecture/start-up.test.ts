import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import ts from 'typescript';

const OWN = /^@aduana\/([^/]+)\/(.+)$/;

/** What a module imports for run time at once; `await import(...)` is what this is about, and is not followed. */
function importsOf(file: string): readonly string[] {
  const { statements } = ts.createSourceFile(file, readFileSync(file, 'utf8'), ts.ScriptTarget.Latest);
  return statements.flatMap((statement) => {
    if (!ts.isImportDeclaration(statement) && !ts.isExportDeclaration(statement)) return [];
    const { moduleSpecifier } = statement;
    const isErased = ts.isImportDeclaration(statement)
      ? isOfTypes(statement.importClause)
      : statement.isTypeOnly;
    return moduleSpecifier === undefined || !ts.isStringLiteral(moduleSpecifier) || isErased
      ? []
      : [moduleSpecifier.text];
  });
}

function isOfTypes(clause: ts.ImportClause | undefined): boolean {
  if (clause === undefined) return false;
  const { namedBindings, name } = clause;
  if (clause.phaseModifier === ts.SyntaxKind.TypeKeyword) return true;
  return (
    name === undefined &&
    namedBindings !== undefined &&
    ts.isNamedImports(namedBindings) &&
    namedBindings.elements.every((element) => element.isTypeOnly)
  );
}

/** The foreign packages that are loaded with a module, and the modules on the way to each. */
function loadedWith(root: string): ReadonlyMap<string, readonly string[]> {
  const packages = new Map<string, readonly string[]>();
  const seen = new Set<string>();
  const visit = (file: string, way: readonly string[]): void => {
    if (seen.has(file)) return;
    seen.add(file);
    for (const from of importsOf(file)) {
      const own = OWN.exec(from);
      if (from.startsWith('.')) visit(join(dirname(file), from), [...way, file]);
      else if (own !== null) visit(sourceOf(own), [...way, file]);
      else packages.set(from, [...way, file]);
    }
  };
  visit(root, []);
  return packages;
}

function sourceOf([, name, path]: RegExpExecArray): string {
  const file = `packages/${String(name)}/src/${String(path)}`;
  return existsSync(`${file}.ts`) ? `${file}.ts` : `${file}/index.ts`;
}

function waysTo(root: string, unwanted: RegExp): readonly string[] {
  return [...loadedWith(root)]
    .filter(([name]) => unwanted.test(name))
    .map(([name, way]) => [...way, name].join(' -> '));
}

const DRIVERS = /^(?:ioredis|pg|@electric-sql\/pglite|@aws-sdk\/.*)$/;
const APOLLO = /^@apollo\//;
const CERTIFICATES = /^(?:@peculiar\/.*|reflect-metadata)$/;

describe('what a start does not need is loaded by whoever needs it', () => {
  test.each(['cli/main.ts', 'cli/start-deployment.ts', 'console/server/start.ts'])(
    '%s loads neither Apollo, nor drivers, nor what writes certificates',
    (root) => {
      for (const unwanted of [APOLLO, DRIVERS, CERTIFICATES]) expect(waysTo(root, unwanted)).toEqual([]);
    },
  );

  test('the thread that answers requests loads no planner: its planning threads do', () => {
    for (const unwanted of [APOLLO, DRIVERS, CERTIFICATES])
      expect(waysTo('gateway/start.ts', unwanted)).toEqual([]);
    expect(waysTo('gateway/threads/planning-thread.ts', APOLLO)).not.toEqual([]);
  });

  test.each(['sts', 'audit', 'admin'])(
    '%s loads a driver and ASN.1 only where they are configured',
    (name) => {
      for (const unwanted of [DRIVERS, CERTIFICATES])
        expect(waysTo(`subgraphs/${name}/start.ts`, unwanted)).toEqual([]);
    },
  );
});
