import { describe, expect, test } from '@jest/globals';
import { createLog } from '@aduana/server-kit/platform/create-log';
import type { Command } from 'commander';
import { createProgram } from '../../cli/create-program.ts';
import { createFakeClock } from '../support/fake-clock.ts';

const context = {
  environment: {},
  clock: createFakeClock(),
  log: createLog('silent', ignore),
  print: ignore,
  printError: ignore,
};

function ignore(): void {
  // nothing is read from it
}

/** Every command with the words that call it, `help` left out. */
function commandsOf(command: Command, path: readonly string[] = []): readonly (readonly [string, Command])[] {
  return command.commands.flatMap((below) => {
    const words = [...path, below.name()];
    return [[words.join(' '), below] as const, ...commandsOf(below, words)];
  });
}

function helpOf(command: Command): string {
  let text = '';
  command.configureOutput({ writeOut: (part) => (text += part), getOutHelpWidth: () => 200 }).outputHelp();
  return text;
}

/** What only holds subcommands does nothing by itself. */
const isGroup = (command: Command): boolean =>
  !('_actionHandler' in command) || command['_actionHandler'] === null;

describe.each(commandsOf(createProgram(context)))('aduana %s --help', (words, command) => {
  test('says in an imperative sentence what the command does', () => {
    expect(command.description()).toMatch(/^[a-z]+,? /);
    expect(command.description()).not.toMatch(/^(the|a|an|what|who|every)\b/);
  });

  test('explains each option and each argument', () => {
    const parts = [...command.options, ...command.registeredArguments];
    expect(parts.filter(({ description }) => description === '')).toEqual([]);
  });

  test('shows an example to copy', () => {
    if (isGroup(command)) return;
    expect(helpOf(command)).toMatch(new RegExp(`\\n  npx aduana (.* \\| npx aduana )?${words}( |\\n|$)`));
  });
});
