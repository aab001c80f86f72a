/** Execute, compiler, code generation: expressions that read fetched data. */

/** Code that reads an own property of a variable: names that every object inherits need a closer look. */
export function readExpression(variable: string, key: string): string {
  const name = JSON.stringify(key);
  return key in Object.prototype ? `own(${variable},${name})` : `${variable}[${name}]`;
}

/** Code for the object that an entity fetch answered, by the variable that holds its pointer. */
export function additionExpression(step: number, pointer: string): string {
  return `(${pointer} < 0 ? EMPTY : state.layers[${String(step)}][${pointer}] ?? EMPTY)`;
}

/** Code that sets `t` to the type of an object: that of the first fetch that knows more than the interface's name. */
export function typeStatements(
  interfaceObject: string | undefined,
  typeSources: readonly { readonly index: number }[],
): string[] {
  const name = JSON.stringify(interfaceObject);
  return [
    'let t = o.__typename;',
    ...typeSources.map(({ index }) => `if (t === ${name}) t = a${String(index)}.__typename ?? t;`),
  ];
}
