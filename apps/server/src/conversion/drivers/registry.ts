import type { ConversionDriver } from '../driver/driver.types.js';
import { ReferenceDriver } from './reference/reference.driver.js';

export type DriverId = 'reference';

const DRIVERS: Record<DriverId, ConversionDriver> = { reference: new ReferenceDriver() };

/** Throws a RangeError for an id nobody registered. */
export function driverById(id: string): ConversionDriver {
  const driver = Object.hasOwn(DRIVERS, id) ? DRIVERS[id as DriverId] : undefined;
  if (!driver) throw new RangeError(`no driver ${id}`);
  return driver;
}
