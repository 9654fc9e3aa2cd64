/** Cells of a grid over a picture, as the portal keeps them: a bit each, row by row from the top left, in hexadecimal. Pure. */
export class Cells {
  private readonly bits: Uint8Array;

  constructor(
    readonly columns: number,
    readonly rows: number,
    bits?: Uint8Array,
  ) {
    this.bits = bits ?? new Uint8Array(columns * rows);
  }

  /** Anything else than whole digits for each cell gives none. */
  static read(columns: number, rows: number, hex: string): Cells {
    const cells = new Cells(columns, rows);
    if (hex.length * 4 !== columns * rows || !/^[0-9a-f]*$/i.test(hex)) return cells;
    for (let at = 0; at < columns * rows; at++) {
      cells.bits[at] = (parseInt(hex[at >> 2] as string, 16) >> (3 - (at & 3))) & 1;
    }
    return cells;
  }

  text(): string {
    let hex = "";
    for (let at = 0; at < this.bits.length; at += 4) {
      const digit = [0, 1, 2, 3].reduce((sum, by) => sum * 2 + (this.bits[at + by] ?? 0), 0);
      hex += digit.toString(16);
    }
    return hex;
  }

  has(column: number, row: number): boolean {
    return this.bits[row * this.columns + column] === 1;
  }

  get count(): number {
    return this.bits.reduce((sum, bit) => sum + bit, 0);
  }

  /** Every cell of the rectangle between two corners, both among them; what lies outside of the grid is none. */
  set(from: readonly [number, number], to: readonly [number, number], on: boolean): void {
    const [left, right] = [Math.max(0, Math.min(from[0], to[0])), Math.min(this.columns - 1, Math.max(from[0], to[0]))];
    const [top, bottom] = [Math.max(0, Math.min(from[1], to[1])), Math.min(this.rows - 1, Math.max(from[1], to[1]))];
    for (let row = top; row <= bottom; row++) {
      for (let column = left; column <= right; column++) this.bits[row * this.columns + column] = on ? 1 : 0;
    }
  }
}
