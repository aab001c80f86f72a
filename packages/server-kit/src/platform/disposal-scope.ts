/** What a service opened while it started, in the order in which it did. */
export interface DisposalScope {
  /**
   * Keeps `opened` until the scope is closed, and returns it.
   *
   * @param close must bear to be called when it is closed already
   */
  add<Opened>(opened: Opened, close: (opened: Opened) => Promise<void> | void): Opened;
  /**
   * Closes everything, the last opened first, one after the other, and all of it even where some fails; idempotent.
   *
   * @throws the first failure
   */
  close(): Promise<void>;
}

/** For `add`: closes what has a `close`. */
export const closeIt = (opened: { close(): Promise<void> }): Promise<void> => opened.close();
/** For `add`: stops what has a `stop`. */
export const stopIt = (opened: { stop(): Promise<void> }): Promise<void> => opened.stop();

export function createDisposalScope(): DisposalScope {
  const closers: (() => Promise<void> | void)[] = [];
  let closing: Promise<void> | undefined;
  const closeAll = async (): Promise<void> => {
    const failures: unknown[] = [];
    for (let close = closers.pop(); close !== undefined; close = closers.pop()) {
      try {
        await close();
      } catch (error) {
        failures.push(error);
      }
    }
    if (failures.length > 0) throw failures[0];
  };
  return {
    add(opened, close) {
      closers.push(() => close(opened));
      return opened;
    },
    close: () => (closing ??= closeAll()),
  };
}

/**
 * Starts something out of parts: where a step throws, the parts that were opened before are closed again.
 *
 * @throws what `start` throws
 */
export async function startInScope<Started>(
  start: (scope: DisposalScope) => Promise<Started>,
): Promise<Started> {
  const scope = createDisposalScope();
  try {
    return await start(scope);
  } catch (error) {
    await scope.close().catch(() => undefined);
    throw error;
  }
}
