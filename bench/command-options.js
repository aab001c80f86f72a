/** The value of `--name=value` on the command line. */
export function option(name) {
  return process.argv.find((one) => one.startsWith(`--${name}=`))?.slice(name.length + 3);
}

/** Whether `--name` is on the command line. */
export function hasOption(name) {
  return process.argv.includes(`--${name}`);
}
