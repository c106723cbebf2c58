import type { JobStage } from '../conversion.types.js';
import type { DriverEvent, Stage } from '../driver/driver.types.js';

/** The stage of the job that a stage of the driver belongs to. */
export const STAGE_OF: Record<Stage, JobStage> = {
  validate: 'ONNX',
  optimize: 'ONNX',
  evaluate: 'ONNX',
  quantize: 'BIE',
  verify: 'BIE',
  compile: 'NEF',
  package: 'NEF',
};

/** Where each stage of the driver begins on the way from 0 to 1, by the share of time it usually takes. */
const BEGINS: Record<Stage, number> = {
  validate: 0,
  optimize: 0.1,
  evaluate: 0.2,
  quantize: 0.25,
  verify: 0.65,
  compile: 0.95,
  package: 0.95,
};
const ORDER: readonly Stage[] = ['validate', 'optimize', 'evaluate', 'quantize', 'verify', 'package'];

/** 0..1 after this event, or null when the event says nothing of progress. */
export function progressAfter(event: DriverEvent): number | null {
  if (event.t === 'stage') return event.state === 'start' ? BEGINS[event.stage] : endOf(event.stage);
  if (event.t !== 'progress' || !(event.total > 0)) return null;
  const share = Math.min(1, Math.max(0, event.done / event.total));
  return BEGINS[event.stage] + share * (endOf(event.stage) - BEGINS[event.stage]);
}

function endOf(stage: Stage): number {
  const next = ORDER[ORDER.indexOf(stage === 'compile' ? 'verify' : stage) + 1];
  return next ? BEGINS[next] : 1;
}
