import type { OutputAccuracy, Verdict } from '#libs/onnx';
import type { ConversionRequest, Issue } from '../../driver/driver.types.js';

/** Advisory: how many nodes the table puts where. */
export interface PlatformOps {
  docVersion: string;
  npu: number;
  cpu: number;
  unknown: number;
  list: { op: string; nodes: number; support: 'cpu' | 'unknown' }[];
}

/** `conversion-report/1`. What differs from run to run (performance, timings, environment) is empty inside a package. */
export interface Report {
  schema: 'conversion-report/1';
  driver: { id: string; version: string };
  model: {
    sha256: string;
    bytes: number;
    opset: number;
    producer: string;
    inputs: { name: string; shape: number[]; type: string }[];
    outputs: { name: string; shape: number[]; type: string }[];
    nodes: number;
    params: number;
    macs: number;
  };
  target: ConversionRequest['modelConfig'];
  preflight: { issues: Issue[]; platformOps: PlatformOps };
  calibration: {
    images: number;
    synthetic: boolean;
    rejected: { index: number; reason: string }[];
    method: string;
    options: Record<string, unknown>;
  };
  quantization: {
    tensors: number;
    weights: number;
    biases: number;
    nodesQuantized: Record<string, number>;
    nodesFloat: Record<string, number>;
  };
  accuracy: {
    images: number;
    /** Simulated: the quantised model ran with graph optimisation off, so the figures do not depend on the CPU. */
    mode: 'simulated';
    outputs: OutputAccuracy[];
    perImage: { snrDb: number | null; cosine: number | null }[];
    worstLayers: { name: string; op: string; snrDb: number | null; cosine: number | null }[];
    heldOut: boolean;
    verdict: Verdict;
  };
  /** Bytes; ratio = optimized / int8. */
  size: { original: number; optimized: number; int8: number; ratio: number };
  performance: {
    hostCpu: { floatMs: number; int8Ms: number; threads: number; note: string } | null;
    npu: null;
  };
  /** Milliseconds by stage. */
  timings: Record<string, number>;
  environment: Record<string, string>;
  warnings: Issue[];
}
