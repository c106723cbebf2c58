import type { ConversionInput, Platform } from '../conversion.types.js';
import type { DriverEvent, VerdictThresholds } from '../driver/driver.types.js';

/** What the parent asks of a child; one order, then the child ends. Paths are absolute. */
export type ChildOrder =
  | {
      t: 'convert';
      driver: string;
      jobId: string;
      input: ConversionInput;
      files: InputFiles;
      limits: OrderLimits;
      verdict?: VerdictThresholds;
    }
  | { t: 'preflight'; driver: string; model: string; platform: Platform; input: PreflightOptions }
  | { t: 'info'; driver: string };

/** Where the worker put the model and the references of an input, in the input's order. */
export interface InputFiles {
  model: string;
  references: string[];
}

export interface OrderLimits {
  timeMs: number;
  memoryBytes: number;
  cpus: number;
}

export type PreflightOptions = Omit<ConversionInput, 'platform' | 'model' | 'references'> & {
  /** The input each reference is for; undefined where the caller named none. */
  references: (string | undefined)[];
};

export type ToChild = ChildOrder | { t: 'abort' };

export type FromChild =
  | { t: 'event'; event: DriverEvent }
  /** The result lies in `result.json` of the child's folder; the digest is of its bytes. */
  | { t: 'done'; sha256: string };
