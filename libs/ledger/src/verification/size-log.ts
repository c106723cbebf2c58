const MAX_SIZES = 4096;

/**
 * Sizes in rising order, in bounded memory: of more than 4,096 every second one of the older half is forgotten, so an
 * answer about long ago may be of a somewhat smaller size.
 */
export class SizeLog {
  private sizes: number[] = [];

  add(size: number): void {
    if (size <= (this.last ?? -1)) return;
    this.sizes.push(size);
    if (this.sizes.length <= MAX_SIZES) return;
    this.sizes = this.sizes.filter((_, at) => at === 0 || at > MAX_SIZES / 2 || at % 2 === 1);
  }

  get first(): number | undefined {
    return this.sizes[0];
  }

  get last(): number | undefined {
    return this.sizes.at(-1);
  }

  /** The largest that is over `from` and at most `to`. */
  newestWithin(from: number, to: number): number | undefined {
    const size = this.sizes.findLast((one) => one <= to);
    return size !== undefined && size > from ? size : undefined;
  }

  all(): number[] {
    return [...this.sizes];
  }
}
