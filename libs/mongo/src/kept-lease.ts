import type { Lease, Leases } from './leases.js';

/** A lease that a task keeps from one round to the next, or while one work lasts. */
export class KeptLease {
  private lease: Lease | null = null;

  constructor(
    private readonly leases: Pick<Leases, 'acquire' | 'renew' | 'release'>,
    private readonly name: string,
    private readonly owner: string,
    /** How long it lasts after each renewal, in milliseconds of the store's clock. */
    private readonly ms: number,
  ) {}

  /** As it was when it was held last. */
  get isHeld(): boolean {
    return this.lease !== null;
  }

  /** Renewed, or taken where it is free; false while another owner has it. */
  async hold(): Promise<boolean> {
    if (this.lease && !(await this.leases.renew(this.lease))) this.lease = null;
    this.lease ??= await this.leases.acquire(this.name, this.owner, this.ms);
    return this.isHeld;
  }

  /**
   * Held for as long as `work` lasts, which is told when another owner took it meanwhile: then two are at it. Null, and
   * nothing was done, while another owner has it.
   */
  async whileHeld<T>(work: (taken: AbortSignal) => Promise<T>): Promise<T | null> {
    if (!(await this.hold())) return null;
    const taken = new AbortController();
    const renew = async (): Promise<void> => {
      if (this.lease && !(await this.leases.renew(this.lease))) taken.abort();
    };
    // What cannot be renewed now may still be ours.
    const renewing = setInterval(() => void renew().catch(() => undefined), this.ms / 3);
    renewing.unref();
    try {
      return await work(taken.signal);
    } finally {
      clearInterval(renewing);
      await this.release();
    }
  }

  /** Never rejects: what cannot be given back ends by itself. */
  async release(): Promise<void> {
    const { lease } = this;
    this.lease = null;
    if (lease) await this.leases.release(lease).catch(() => undefined);
  }
}
