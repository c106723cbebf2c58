import { collectDefaultMetrics, Counter, Gauge, Registry } from 'prom-client';

interface Described<Label extends string> {
  /** `assay_…`, with its unit at the end. */
  name: string;
  help: string;
  /** Their values come from closed lists: a series each, so never an id. */
  labels?: readonly Label[];
}

/** The process's metrics, in the text format of Prometheus. */
export class Metrics {
  private readonly registry = new Registry();

  /** `enabled: false`: everything counts, and of the process itself (CPU, memory, event loop) nothing is collected. */
  constructor({ enabled }: { enabled: boolean }) {
    if (enabled) collectDefaultMetrics({ register: this.registry });
  }

  get contentType(): string {
    return this.registry.contentType;
  }

  counter<Label extends string>({ name, help, labels = [] }: Described<Label>): Counter<Label> {
    return new Counter({ name, help, labelNames: [...labels], registers: [this.registry] });
  }

  /** `collect` is asked at every scrape; when it rejects, the value is NaN. */
  gauge({ name, help }: Described<never>, collect: () => Promise<number>): void {
    new Gauge({
      name,
      help,
      registers: [this.registry],
      async collect() {
        this.set(await collect().catch(() => Number.NaN));
      },
    });
  }

  /** All of them, as a scrape gets them. */
  text(): Promise<string> {
    return this.registry.metrics();
  }
}
