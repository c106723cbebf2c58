import type { Lease, Leases } from './leases.js';

/** A lease that a task keeps from one round to the next. */
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

  /** Never rejects: what cannot be given back ends by itself. */
  async release(): Promise<void> {
    if (this.lease) await this.leases.release(this.lease).catch(() => undefined);
  }
}
