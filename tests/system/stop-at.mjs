// For programs that a test kills before a step: at the step they say so, and never go on.

/** The nth call of the method that `counts` never happens. */
export function stopAt(object, method, nth = 1, counts = () => true) {
  const real = object[method].bind(object);
  let calls = 0;
  object[method] = (...given) => (counts(...given) && ++calls === nth ? stopped() : real(...given));
  return object;
}

/** Says that the step is reached, and never goes on. */
export function stopped() {
  process.stdout.write('reached\n');
  return new Promise(() => setInterval(() => {}, 1_000));
}
