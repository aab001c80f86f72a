import { describeError } from '@aduana/core/platform/log';
import { describeRefusals } from '../audit/request-audit.ts';
import type { CallerRights } from '../authorize/rights.ts';
import { type Cure, findCure } from '../authorize/step-up.ts';
import type { Authorized, Validated } from '../stages.ts';
import type { LoadedSupergraph } from '../supergraph/loaded-supergraph.ts';
import {
  completeDecision,
  isHeld,
  isRefused,
  isSame,
  needsReopening,
  refusesMore,
  validateAgain,
  withinOpened,
} from './decide-subscription.ts';
import type { Feed, FeedRequest } from './feed.ts';
import type { ContinuousRightsOptions, StreamOfRights } from './stream-of-rights.ts';

const RENEW_BEFORE_MS = 20_000;
const REOPEN_AFTER_MS = 5_000;

/** What the caller of a stream may have now; decided anew when something has changed that it may depend on. */
export class ContinuousRights {
  readonly #options: ContinuousRightsOptions;
  readonly #stream: StreamOfRights;
  #feed: Feed | undefined;
  #version: number;
  /** The version of the rights that was decided by. */
  #decided: number;
  /** Milliseconds since the epoch: what was decided changes by itself. */
  #changesAt: number;
  /** How often has been decided. */
  #decisions = 0;
  readonly #cures = new WeakMap<Authorized, Cure>();
  #policies: string;
  #reopening = false;
  #reopenAt = 0;

  constructor(options: ContinuousRightsOptions, stream: StreamOfRights) {
    this.#options = options;
    this.#stream = stream;
    this.#version = options.supervisor.version(options.clock.now());
    this.#decided = options.supervisor.rightsVersion;
    this.#changesAt = stream.caller.changesAfter(0); // the stages decided a moment ago: what has passed is looked at again
    this.#policies = stream.caller.policies;
  }

  /** The feed of now. */
  get feed(): Feed | undefined {
    return this.#feed;
  }

  /** @throws SecurityError where the subgraph's stream cannot be opened */
  async open(opening: Omit<FeedRequest, 'decision'>): Promise<void> {
    this.#feed = await this.#stream.openFeed({ ...opening, decision: this.#decisions });
  }

  review(now: number): void {
    if (this.#stream.isOver()) return;
    const { caller } = this.#stream;
    const { supervisor } = this.#options;
    const version = supervisor.version(now);
    const isDecided = supervisor.rightsVersion === this.#decided && now < this.#changesAt;
    if (isDecided && version === this.#version) return;
    this.#version = version;
    const over = caller.judge(now);
    if (over !== undefined) this.#stream.end(over);
    if (over !== undefined || isDecided) return;
    this.#decided = supervisor.rightsVersion;
    this.#changesAt = caller.changesAfter(now);
    this.#decisions += 1;
    try {
      this.#decideAgain(now);
    } catch (error) {
      this.#stream.fail(error);
    }
  }

  /** The same, whatever there is to compare. */
  reviewAnyway(now: number): void {
    this.#decided = 0;
    this.review(now);
  }

  /** An event of a feed that has been replaced meanwhile is judged by that feed's own opening. */
  reviewOf(feed: Feed, now: number): void {
    this.review(now);
    if (this.#stream.isOver() || feed === this.#feed || feed.decision === this.#decisions) return;
    this.#decideFeed(feed, this.#stream.caller.rights(now));
  }

  /** Which logins would win what of a feed's events is refused. */
  cureOf({ authorized, supergraph }: Feed, now: number): Cure | undefined {
    const { refusals } = authorized;
    if (refusals.length === 0 || this.#options.refusals === 'none') return undefined;
    const known = this.#cures.get(authorized);
    if (known !== undefined) return known;
    const cure = findCure(refusals, supergraph.requirements, this.#stream.caller.rights(now));
    if (cure !== undefined) this.#cures.set(authorized, cure);
    return cure;
  }

  tick(now: number): void {
    this.review(now);
    const { caller } = this.#stream;
    if (!this.#stream.isOver() && caller.expiresAt - now <= RENEW_BEFORE_MS) caller.renew();
    if (this.#reopenAt !== 0 && now >= this.#reopenAt) {
      this.#reopenAt = 0;
      this.#decided = 0;
    }
  }

  /** What is lost is lost at once; where something is won, another feed is opened beside the one that there is. */
  #decideAgain(now: number): void {
    const feed = this.#feed;
    if (feed === undefined) return;
    const { caller } = this.#stream;
    const rights = caller.rights(now);
    if (!this.#decideFeed(feed, rights)) return;
    if (caller.policies !== this.#policies) {
      this.#policies = caller.policies;
      caller.renew(); // under other policies the STS may grant what the token of now does not carry
    }
    const supergraph = this.#options.supergraph();
    if (supergraph !== feed.supergraph) {
      void this.#reopen(supergraph, () => this.#validateOver(supergraph, rights));
      return;
    }
    const validated = { ...feed.validated, caller: caller.delegated.caller };
    const wanted = this.#options.stages.authorize(validated, supergraph, rights);
    if (isRefused(wanted)) this.#endRefused(wanted, supergraph, rights);
    else if (!isSame(wanted, feed.authorized) || needsReopening(feed.opened, feed.effective, wanted))
      void this.#reopen(supergraph, () => validated);
  }

  #validateOver(supergraph: LoadedSupergraph, rights: CallerRights): Validated | Promise<Validated> {
    const { caller, request } = this.#stream;
    return validateAgain(caller.delegated, request, supergraph, rights, this.#options.stages);
  }

  /** Decides what may leave of a feed's events; false where nothing may. */
  #decideFeed(feed: Feed, rights: CallerRights): boolean {
    const { stages } = this.#options;
    feed.decision = this.#decisions;
    const { caller } = this.#stream.caller.delegated;
    const within = withinOpened(rights, feed.opened.authorized);
    const authorized = stages.authorize({ ...feed.validated, caller }, feed.supergraph, within);
    if (isSame(authorized, feed.authorized) && isHeld(feed.effective?.narrowings, authorized)) return true;
    if (isRefused(authorized)) {
      this.#endRefused(authorized, feed.supergraph, rights);
      return false;
    }
    feed.authorized = authorized;
    feed.effective = undefined;
    this.#noteRefusals(authorized, rights);
    const decided = completeDecision(authorized, feed.supergraph, stages);
    if (!(decided instanceof Promise)) feed.effective = decided;
    else
      feed.deciding = decided.then(
        (made) => {
          if (feed.authorized !== authorized) return;
          feed.effective = made;
          this.#decided = 0; // it may need another token
        },
        (error: unknown) => {
          this.#stream.fail(error);
        },
      );
    return true;
  }

  /** Where a login would cure it, the end asks for that. */
  #endRefused({ refusals }: Authorized, { requirements }: LoadedSupergraph, rights: CallerRights): void {
    const isTold = this.#options.refusals !== 'none';
    const cure = isTold ? findCure(refusals, requirements, rights) : undefined;
    this.#stream.end(
      cure?.isWhole === true
        ? { reason: 'refused', code: 'INSUFFICIENT_USER_AUTHENTICATION', stepUp: cure.login }
        : { reason: 'refused', code: 'UNAUTHORIZED_FIELD_OR_TYPE' },
    );
  }

  #noteRefusals(authorized: Authorized, rights: CallerRights): void {
    this.#stream.noteRefusals(describeRefusals(authorized.refusals, rights));
  }

  async #reopen(supergraph: LoadedSupergraph, validate: () => Validated | Promise<Validated>): Promise<void> {
    if (this.#reopening) return;
    this.#reopening = true;
    const { clock, log, stages } = this.#options;
    const stream = this.#stream;
    try {
      const validated = await validate();
      const rights = stream.caller.rights(clock.now());
      const wanted = stages.authorize(validated, supergraph, rights);
      const before = this.#feed;
      if (isRefused(wanted)) this.#endRefused(wanted, supergraph, rights);
      else if (
        before?.supergraph !== supergraph &&
        before !== undefined &&
        refusesMore(wanted, before.authorized)
      )
        stream.end({ reason: 'supergraph', code: 'STREAM_RESTART' });
      if (stream.isOver()) return;
      const opened = await completeDecision(wanted, supergraph, stages);
      const feed = await stream.openFeed({ supergraph, validated, opened, decision: this.#decisions });
      if (stream.isOver()) {
        feed.upstream.close();
        return;
      }
      before?.upstream.close();
      this.#feed = feed;
      stream.onFeed(feed);
      this.#noteRefusals(wanted, rights);
      this.reviewAnyway(clock.now()); // rights may have changed while it was opened
    } catch (error) {
      if (stream.isOver()) return;
      log.warn('a stream could not be widened', { error: describeError(error) });
      if (supergraph === this.#feed?.supergraph) this.#reopenAt = clock.now() + REOPEN_AFTER_MS;
      else stream.end({ reason: 'supergraph', code: 'STREAM_RESTART' });
    } finally {
      this.#reopening = false;
    }
  }
}
