import type { Chart } from "../payload";

const COLUMNS = 12;

/** The cells of a row, leaving none of it empty: what is left over goes to each by its own width. */
export function fillRow<Cell extends { width: number }>(row: Cell[]): Cell[] {
  const asked = row.reduce((sum, { width }) => sum + width, 0);
  if (asked >= COLUMNS) return row;
  let [reached, given] = [0, 0];
  return row.map((cell) => {
    reached += cell.width;
    const width = Math.round((COLUMNS * reached) / asked) - given;
    given += width;
    return { ...cell, width };
  });
}

/** In a narrow window numbers stand two by two: which of a row has none beside it, and the line to itself. */
export function findOdd(row: { chart: Chart }[]): boolean[] {
  let run = 0;
  const isNumber = (cell?: { chart: Chart }) => cell?.chart.spec.type === "metric";
  return row.map((cell, index) => {
    run = isNumber(cell) ? run + 1 : 0;
    return run % 2 === 1 && !isNumber(row[index + 1]);
  });
}
